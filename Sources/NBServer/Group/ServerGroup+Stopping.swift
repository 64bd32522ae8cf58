internal import NBEngine

// Stopping and draining a group, and waiting for its end. Each shard is asked at once, and none waits for another.
extension ServerGroup where Behavior: ~Copyable {
    /// Asks the group to stop, without waiting; see ``Server/requestStop(within:)``. May be called from any thread and in a callback, but
    /// not in a signal handler.
    public func requestStop(within limit: Duration? = nil) {
        guard !cancel() else { return }
        for shard in shards { shard.requestStop(within: limit) }
    }

    /// Stops the group, and returns when everything is closed and every `terminate` has run; see ``Server/stop(within:)``.
    ///
    /// - Returns: why the group stopped.
    @discardableResult
    public nonisolated(nonsending) func stop(within limit: Duration? = nil) async -> StopReason {
        requestStop(within: limit)
        return await groupEnd.outcome.resolved().reason
    }

    /// Asks the group to drain, without waiting; see ``Server/requestDrain(queued:within:)``.
    ///
    /// Each shard accepts the clients in its own queues, and then closes its listeners. A client whose handshake completes just then is
    /// reset, as with a single server. Have a load balancer send clients elsewhere first.
    public func requestDrain(queued: QueuedClients = .serve, within limit: Duration) {
        for shard in shards { shard.requestDrain(queued: queued, within: limit) }
    }

    /// Stops accepting, waits for the connections of all shards to end, then stops the group; see ``Server/drain(queued:within:)``.
    ///
    /// - Returns: why the group stopped: ``StopReason/drained(unfinished:)`` with the connections of all shards, unless something else
    ///   ended it first.
    @discardableResult
    public nonisolated(nonsending) func drain(
        queued: QueuedClients = .serve,
        within limit: Duration
    ) async -> StopReason {
        requestDrain(queued: queued, within: limit)
        return await waitForEnd()
    }

    /// Waits for the group's end. Any number of tasks may wait.
    ///
    /// - Returns: why the group stopped; see ``run(drainingOn:within:stoppingOn:reporting:)``. In ``StopReason/failed(_:)``, a ``ServerError``
    ///   of an engine or a beginning names its shard, and the error of a callback is what the callback threw.
    public nonisolated(nonsending) func waitForEnd() async -> StopReason {
        await groupEnd.outcome.resolved().reason
    }

    /// Waits for the group's end, for code that may block. Otherwise use ``waitForEnd()``. On the thread of an embedded shard between turns,
    /// it is a precondition failure.
    ///
    /// - Returns: why the group stopped; `nil` if it has not stopped within `limit`, and in a callback of a shard, which cannot wait for itself.
    @available(*, noasync, message: "it would block the task's thread; use waitForEnd()")
    public func waitForEndBlocking(within limit: Duration? = nil) -> StopReason? {
        for shard in shards {
            guard !shard.mailbox.ledger.isInCallback else { return nil }
            shard.expectAnotherThread("waitForEndBlocking")
        }
        return groupEnd.outcome.wait(until: limit.map { Instant.now + $0 })?.reason
    }
}
