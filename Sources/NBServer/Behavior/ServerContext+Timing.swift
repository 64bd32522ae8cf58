internal import NBEngine

// What is to happen later.
extension ServerContext {
    /// Starts a timer. The behavior hears ``ServerInfo/timer(_:)`` once, not before the time has passed. While messages are suspended,
    /// timers wait.
    ///
    /// - Parameter duration: the time from now. Below zero is zero.
    /// - Returns: the timer's ID.
    @discardableResult
    public func startTimer(after duration: Duration) -> TimerID {
        state.pointee.startTimer(after: duration)
    }

    /// Cancels a timer. The behavior does not hear of it afterwards.
    ///
    /// - Returns: how much time was left. `nil` if the behavior has heard of the timer, the timer was cancelled before, or the timer is
    ///   another server's, which then goes on.
    @discardableResult
    public func cancelTimer(_ timer: TimerID) -> Duration? {
        guard timer.server == state.pointee.control.server,
            let (_, deadline) = state.pointee.timers.remove(timer.number)
        else { return nil }
        return state.pointee.clock().duration(to: deadline)
    }

    /// Stops accepting, waits for the open connections to end, then stops the server.
    ///
    /// The behavior hears ``ServerInfo/draining(within:)`` and goes on being called. Workers hear ``ConnectionWorker/shouldFinish(_:)``.
    /// The server stops with ``StopReason/drained(unfinished:)`` when every connection has ended, including those that the behavior holds,
    /// or when the time is up. If a drain is asked for again, the earlier deadline counts.
    ///
    /// - Parameters:
    ///   - queued: what to do with clients in the accept queues.
    ///   - limit: how long the connections have to end.
    public func drain(queued: QueuedClients = .serve, within limit: Duration) {
        let deadline = state.pointee.clock() + limit
        guard let drain = state.pointee.drain else {
            state.pointee.drain = Drain(queued: queued, deadline: deadline)
            return
        }
        state.pointee.drain?.deadline = min(drain.deadline, deadline)
    }
}
