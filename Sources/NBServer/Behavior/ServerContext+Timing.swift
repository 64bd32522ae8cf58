internal import NBEngine

// What is to happen later.
extension ServerContext {
    /// Starts a timer. When its time has come, and not before, the behavior hears ``ServerInfo/timer(_:)`` once.
    ///
    /// - Parameter duration: from now; below zero is zero. While the server is suspended, timers wait.
    /// - Returns: the timer's name, by which the behavior hears of it or takes it back.
    @discardableResult
    public func startTimer(after duration: Duration) -> TimerID {
        state.pointee.startTimer(after: duration)
    }

    /// Takes a timer back. Afterwards the behavior does not hear of it.
    ///
    /// - Returns: how much time was left, or `nil` if the behavior has heard of it already, it was taken back before, or it is
    ///   another server's, whose timer runs on.
    @discardableResult
    public func cancelTimer(_ timer: TimerID) -> Duration? {
        guard timer.server == state.pointee.control.server,
            let (_, deadline) = state.pointee.timers.remove(timer.number)
        else { return nil }
        return state.pointee.clock().duration(to: deadline)
    }

    /// Stops accepting, waits for the connections the server still has, then stops.
    ///
    /// The behavior hears ``ServerInfo/draining(within:)`` and goes on being called. The server stops, with
    /// ``StopReason/drained(unfinished:)``, when every connection has ended, those the behavior holds included, or when the
    /// time is up. Asked again, the shorter time counts.
    ///
    /// - Parameters:
    ///   - queued: what becomes of clients that wait to be accepted.
    ///   - limit: how long that may take.
    public func drain(queued: QueuedClients = .serve, within limit: Duration) {
        let deadline = state.pointee.clock() + limit
        guard let drain = state.pointee.drain else {
            state.pointee.drain = Drain(queued: queued, deadline: deadline)
            return
        }
        state.pointee.drain?.deadline = min(drain.deadline, deadline)
    }
}
