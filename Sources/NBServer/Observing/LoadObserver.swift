/// A ``ServerObserver`` that is told the server's load as well, once a turn of its loop, whether anything else has happened or not.
///
/// For it the loop reads the clock twice more a turn. A server with another observer, or none, measures no turn.
public protocol LoadObserver: ServerObserver {
    /// A turn has ended.
    ///
    /// Called on the server's thread, before it waits, in place of ``ServerObserver/observe(_:_:)``, every turn; it must not block.
    ///
    /// - Parameters:
    ///   - events: what happened since the last time, in its order; often nothing.
    ///   - counters: what the server has counted so far.
    ///   - load: what it has on its hands now.
    func observe(_ events: [ServerEvent], _ counters: ServerCounters, _ load: ServerLoad)
}

extension LoadObserver {
    /// Not called by a server, which tells the load too. Tells a load of zeros.
    public func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
        observe(events, counters, ServerLoad())
    }
}
