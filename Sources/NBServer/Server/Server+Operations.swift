// What an operator wants of a running server. Any task.
extension Server where Behavior: ~Copyable {
    /// The server's status at this moment.
    ///
    /// - Throws: ``CallError`` if the server has stopped, or does not answer in time.
    public nonisolated(nonsending) func status(
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> ServerStatus {
        try await request(within: limit) { $0.status }
    }

    /// Makes messages wait: no call, cast, timer or timeout is handled until ``resumeMessages(within:)``. Connections and listeners go on;
    /// pause listeners to stop new clients. ``withState(within:_:)``, status, listener changes and the other requests to the server itself
    /// still work.
    ///
    /// - Throws: ``CallError`` if the server has stopped, or does not answer in time.
    public nonisolated(nonsending) func suspendMessages(within limit: Duration? = .seconds(5)) async throws(CallError) {
        try await request(within: limit) { $0.setSuspended(true) }
    }

    /// Handles messages again, beginning with those that waited.
    ///
    /// - Throws: ``CallError`` if the server has stopped, or does not answer in time.
    public nonisolated(nonsending) func resumeMessages(within limit: Duration? = .seconds(5)) async throws(CallError) {
        try await request(within: limit) { $0.setSuspended(false) }
    }

    /// Asks the server to drain, without waiting; see ``ServerContext/drain(queued:within:)``. May be called from any thread and in a
    /// callback, but not in a signal handler. A server that does not run yet drains as soon as it runs. On a server that has stopped it has
    /// no effect.
    ///
    /// - Parameters:
    ///   - queued: what to do with clients in the accept queues.
    ///   - limit: how long the connections have to end.
    public func requestDrain(queued: QueuedClients = .serve, within limit: Duration) {
        try? mailbox.put(.request { $0.drain(queued: queued, within: limit) })
    }

    /// Stops accepting, waits for the open connections to end, then stops the server; see ``ServerContext/drain(queued:within:)``.
    ///
    /// - Parameters:
    ///   - queued: what to do with clients in the accept queues.
    ///   - limit: how long the connections have to end.
    /// - Returns: why the server stopped: ``StopReason/drained(unfinished:)``, unless something else ended it first. Also waits for a
    ///   server that does not run yet. Cancelling the task does not end the wait.
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
