/// Observes a server, to log events or to feed metrics.
///
/// A server without an observer spends nothing on it.
public protocol ServerObserver: Sendable {
    /// Called when something has happened or been counted since the last call.
    ///
    /// Called on the server's thread, at most once a turn of its loop, and not for each connection. It must not block.
    ///
    /// - Parameters:
    ///   - events: what happened, in order.
    ///   - counters: what the server has counted so far.
    func observe(_ events: [ServerEvent], _ counters: ServerCounters)
}
