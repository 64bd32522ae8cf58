public import Uring

/// How a server is to run.
public struct ServerOptions: Hashable, Sendable {
    /// How long a dropped connection has for its peer to take what was queued and, if the peer spoke, to end its side;
    /// then it is reset. Also how long stopping can take.
    public var closeTimeLimit: Duration

    /// How many listeners a server may have.
    public var maximumListeners: Int

    /// How connections are accepted, where the kernel leaves a choice.
    public var acceptMode: AcceptMode

    /// How the ring is made. ``RingOptions/completionDepth`` is also how many connections one listener is served before it
    /// is another's turn, and how many are accepted ahead of their being delivered.
    public var ring: RingOptions

    /// How connections are accepted.
    public enum AcceptMode: Hashable, Sendable {
        /// As many as come, with one operation, until the completion queue is full. Needs Linux 5.19; on older kernels a
        /// server accepts one at a time.
        case multishot
        /// One at a time: the next is accepted after the callback for this one has returned.
        case oneShot
    }

    /// Options for a server; the defaults serve the highest connection rate.
    public init(
        closeTimeLimit: Duration = .seconds(5),
        maximumListeners: Int = 1024,
        acceptMode: AcceptMode = .multishot,
        ring: RingOptions = RingOptions(submissionDepth: 256, completionDepth: 256)
    ) {
        self.closeTimeLimit = closeTimeLimit
        self.maximumListeners = maximumListeners
        self.acceptMode = acceptMode
        self.ring = ring
    }
}
