/// A ``ServerObserver`` that also hears the server's load, once a turn of its loop, whether or not anything else has happened.
///
/// For it, the loop reads the clock twice more a turn. A server with another observer, or none, does not measure turns.
public protocol LoadObserver: ServerObserver {
    /// Called when a turn has ended.
    ///
    /// Called every turn on the server's thread, before the thread waits, in place of ``ServerObserver/observe(_:_:)``. It must not block.
    ///
    /// - Parameters:
    ///   - events: what happened since the last call, in order; often nothing.
    ///   - counters: what the server has counted so far.
    ///   - load: the server's load now.
    func observe(_ events: [ServerEvent], _ counters: ServerCounters, _ load: ServerLoad)
}

extension LoadObserver {
    /// Not called by a server. Passes a load of zeros on.
    public func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
        observe(events, counters, ServerLoad())
    }
}
