/// What can be asked of an engine: every operation that this package submits, in its own words.
///
/// An operation names descriptors and memory and owns neither: a buffer must stay where it is until the operation's
/// last completion has been taken, unless the case says otherwise.
@frozen
public enum Operation: Hashable, Sendable {
    /// Takes connections from a listening socket; each completion's result is a descriptor of the caller's, close on
    /// exec and non-blocking. `accept(2)`; multishot since Linux 5.19.
    case accept(listener: Int32, AcceptMode)

    /// Connects a socket, and completes when the connection is there or refused. One that was disconnected may be connected
    /// again. The address, a `sockaddr` of whatever family, stays where it is until then. `connect(2)`.
    case connect(descriptor: Int32, to: Bytes)

    /// Sends bytes on a stream socket, from one place or several: all of them, unless the connection ends first. Never raises
    /// `SIGPIPE`. `send(2)`, `sendmsg(2)`.
    case send(descriptor: Int32, bytes: Bytes)

    /// Sends as many of the bytes as a stream socket takes at once. It completes when it is carried out, with how many they were, or with
    /// `EAGAIN`; submitted silently, it has no completion if they were all (``EngineFeatures/sendsAtOnce``). `MSG_DONTWAIT`,
    /// `send(2)`.
    case sendAtOnce(descriptor: Int32, bytes: Bytes)

    /// Receives on a stream socket into a buffer of the engine's, which is taken when bytes arrive and which the completion
    /// names; see ``Engine/openReceiveBuffers()``. The result counts the bytes; 0 is the end of the stream, and
    /// `ENOBUFS` says that no buffer was left. `recv(2)`; multishot since Linux 6.0.
    ///
    /// One that waits first is spared the try that would find nothing, as on a connection whose peer was just sent something. What is
    /// there all the same is received.
    case receive(descriptor: Int32, ReceiveMode, waitsFirst: Bool = false)

    /// Receives and throws away what has arrived on a stream socket, or arrives next, without copying it (`MSG_TRUNC`, see `tcp(7)`). The
    /// result counts the bytes; 0 is the end of the stream.
    case discardInput(descriptor: Int32)

    /// The same on a stream socket that is not plain TCP, where `MSG_TRUNC` throws nothing away: copies what has arrived, at
    /// most 64 KiB, into memory that is never read. `recv(2)`.
    case discardByReading(descriptor: Int32)

    /// Reads into memory. `read(2)`.
    case read(descriptor: Int32, into: Memory, count: UInt32)

    /// Ends a TCP connection at once with a reset, whatever is still queued on it. Operations in flight on it end: a send
    /// with what it had sent. The descriptor stays open. Fails on a socket that knows no reset, such as a Unix stream socket.
    /// `connect(2)` to an address of no family.
    case disconnect(descriptor: Int32)

    /// Closes a descriptor. Operations in flight on it keep its file alive until they end. `close(2)`.
    case close(descriptor: Int32)

    /// Cancels the operation with this token, if it is still there; its own last completion says what became of it. The descriptor is the
    /// operation's, or -1 if the operation has none: an engine may look for it there only.
    case cancel(Token, descriptor: Int32)

    /// How many connections an accept takes.
    @frozen
    public enum AcceptMode: Hashable, Sendable {
        /// One, and the operation is over.
        case oneShot
        /// As many as come, until the operation is cancelled, fails, or the completion queue is full.
        case multishot
    }

    /// How often a receive completes.
    @frozen
    public enum ReceiveMode: Hashable, Sendable {
        /// Once, when something has arrived.
        case oneShot
        /// Whenever something has arrived, until the stream ends, no buffer is left, or the completion queue is full.
        case multishot
    }

    /// Memory to write to, by address.
    @frozen
    public struct Memory: Hashable, @unchecked Sendable {
        /// Where the memory begins.
        public let base: UnsafeMutableRawPointer

        /// Names the memory at `base`; it stays the caller's.
        @inlinable
        public init(_ base: UnsafeMutableRawPointer) {
            self.base = base
        }
    }
}
