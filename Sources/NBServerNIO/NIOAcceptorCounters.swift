#if NIO
/// What has become of the connections that an acceptor has accepted. A value.
///
/// Once it has ended, `accepted == opened + failed + refused + abandoned`, and `opened == closed`.
public struct NIOAcceptorCounters: Hashable, Sendable {
    /// Connections accepted for the loops.
    public internal(set) var accepted: UInt64 = 0
    /// Batches in which they were handed over: one `execute` of a loop each.
    public internal(set) var batches: UInt64 = 0
    /// Connections that became channels, and active.
    public internal(set) var opened: UInt64 = 0
    /// How many of those have closed.
    public internal(set) var closed: UInt64 = 0
    /// Connections closed because a channel's option or its initializer failed.
    public internal(set) var failed: UInt64 = 0
    /// Connections reset because the system had no place left to watch them, `epoll_ctl(2)`; see ``NIOAcceptor``.
    public internal(set) var refused: UInt64 = 0
    /// Connections reset because their loop had been shut down, or the acceptor stopped before they became channels.
    public internal(set) var abandoned: UInt64 = 0

    /// Channels that are open now.
    public var open: UInt64 { opened - closed }

    mutating func add(_ other: NIOAcceptorCounters) {
        accepted += other.accepted
        batches += other.batches
        opened += other.opened
        closed += other.closed
        failed += other.failed
        refused += other.refused
        abandoned += other.abandoned
    }
}
#endif
