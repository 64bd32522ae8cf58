/// Somebody who watches a server, to log what happens or to feed metrics.
///
/// A server without an observer does not spend anything on it.
public protocol ServerObserver: Sendable {
    /// Something has happened, or has been counted, since the last time.
    ///
    /// Called on the server's thread, at most once a turn of its loop and not for each connection; it must not block.
    ///
    /// - Parameters:
    ///   - events: what happened, in its order.
    ///   - counters: what the server has counted so far.
    func observe(_ events: [ServerEvent], _ counters: ServerCounters)
}
