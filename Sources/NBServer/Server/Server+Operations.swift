// What an operator wants of a running server. Any task.
extension Server where Behavior: ~Copyable {
    /// What can be said of the server at this moment.
    ///
    /// - Throws: ``CallError`` if it has stopped or does not get to it in time.
    public nonisolated(nonsending) func status(
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> ServerStatus {
        try await request(within: limit) { $0.status }
    }

    /// Lets messages wait: from now on no call, cast, timer or timeout is handled until the server is resumed. Connections,
    /// and what happens to them and to listeners, go on; pause the listeners for those. ``withState(within:_:)`` and whatever
    /// is asked of the server itself work as before.
    ///
    /// - Throws: ``CallError`` if it has stopped or does not get to it in time.
    public nonisolated(nonsending) func suspendMessages(within limit: Duration? = .seconds(5)) async throws(CallError) {
        try await request(within: limit) { $0.setSuspended(true) }
    }

    /// Lets messages be handled again, those that waited first.
    ///
    /// - Throws: ``CallError`` if it has stopped or does not get to it in time.
    public nonisolated(nonsending) func resumeMessages(within limit: Duration? = .seconds(5)) async throws(CallError) {
        try await request(within: limit) { $0.setSuspended(false) }
    }

    /// Asks the server to drain, and does not wait for it; see ``ServerContext/drain(queued:within:)``. Any thread, also within a
    /// callback; not in a signal handler. A server that does not run yet drains when it does, and one that has stopped has no more
    /// to drain.
    ///
    /// - Parameters:
    ///   - queued: what becomes of clients that wait to be accepted.
    ///   - limit: how long the connections have to end.
    public func requestDrain(queued: QueuedClients = .serve, within limit: Duration) {
        try? mailbox.put(.request { $0.drain(queued: queued, within: limit) })
    }

    /// Stops accepting, waits for the connections the server still has, then stops; see ``ServerContext/drain(queued:within:)``.
    ///
    /// - Parameters:
    ///   - queued: what becomes of clients that wait to be accepted.
    ///   - limit: how long the connections have to end.
    /// - Returns: why it stopped, when it has: ``StopReason/drained(unfinished:)``, unless something else came first. A server
    ///   that does not run yet is waited for, and the end also if the task is cancelled.
    @discardableResult
    public nonisolated(nonsending) func drain(
        queued: QueuedClients = .serve,
        within limit: Duration
    ) async -> StopReason {
        requestDrain(queued: queued, within: limit)
        return await waitForEnd()
    }
}

extension ServerContext {
    func setSuspended(_ isSuspended: Bool) {
        guard state.pointee.isSuspended != isSuspended else { return }
        state.pointee.isSuspended = isSuspended
        state.pointee.note(isSuspended ? .suspended : .resumed)
    }
}
