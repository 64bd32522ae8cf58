internal import NBEngine

// Stopping and draining a group, and waiting for its end. Each shard is asked at once, and none waits for another.
extension ServerGroup where Behavior: ~Copyable {
    /// Asks the group to stop, and does not wait; see ``Server/requestStop(within:)``. Any thread, also within a callback; not in a signal
    /// handler.
    public func requestStop(within limit: Duration? = nil) {
        guard !cancel() else { return }
        for shard in shards { shard.requestStop(within: limit) }
    }

    /// Stops the group, and returns when everything is closed and every `terminate` has run; see ``Server/stop(within:)``.
    ///
    /// - Returns: why it stopped.
    @discardableResult
    public nonisolated(nonsending) func stop(within limit: Duration? = nil) async -> StopReason {
        requestStop(within: limit)
        return await groupEnd.outcome.resolved().reason
    }

    /// Asks the group to drain, and does not wait; see ``Server/requestDrain(queued:within:)``.
    ///
    /// Each shard accepts what waits in its own queues, and then closes its listeners. A client whose handshake is under way just then is
    /// reset, as it is where a single server closes a listener: have a load balancer send clients elsewhere first.
    public func requestDrain(queued: QueuedClients = .serve, within limit: Duration) {
        for shard in shards { shard.requestDrain(queued: queued, within: limit) }
    }

    /// Drains the group: stops accepting, waits for the connections of all shards, then stops; see ``Server/drain(queued:within:)``.
    ///
    /// - Returns: why it stopped: ``StopReason/drained(unfinished:)`` with the connections of all shards, unless something else came first.
    @discardableResult
    public nonisolated(nonsending) func drain(
        queued: QueuedClients = .serve,
        within limit: Duration
    ) async -> StopReason {
        requestDrain(queued: queued, within: limit)
        return await waitForEnd()
    }

    /// Waits for the group's end, from as many places as like to.
    ///
    /// - Returns: why it stopped; ``StopReason/failed(_:)`` with a ``ServerError`` that names the shard if one failed.
    public nonisolated(nonsending) func waitForEnd() async -> StopReason {
        await groupEnd.outcome.resolved().reason
    }

    /// Waits for the group's end, for code that may block: ``waitForEnd()`` otherwise. Not on a shard's thread, which would wait for itself.
    ///
    /// - Returns: why it stopped, or `nil` if it has not within `limit`.
    @available(*, noasync, message: "it would block the task's thread; use waitForEnd()")
    public func waitForEndBlocking(within limit: Duration? = nil) -> StopReason? {
        groupEnd.outcome.wait(until: limit.map { Instant.now + $0 })?.reason
    }
}
