internal import NBEngine

// Stopping, and waiting for the end.
extension Server where Behavior: ~Copyable {
    /// Asks the server to stop, and does not wait for it. A server that does not run yet never will. Any thread, also
    /// within a callback; not in a signal handler, which would have to wait for locks of the thread it interrupts.
    ///
    /// - Parameter limit: how long connections have to take what was queued for them; those that have not ended by then are reset,
    ///   with `.zero` at once. `nil` leaves it at ``ServerOptions/stopTimeLimit``. Asked again, the shortest counts.
    public func requestStop(within limit: Duration? = nil) {
        if !cancel() { control.requestStop(within: limit) }
    }

    /// Stops the server.
    ///
    /// Returns when everything is closed and `terminate` has run. Connections end as those that are dropped do: the peer has
    /// ``ServerOptions/closeTimeLimit`` to take something, and all of them have `limit`. A server that does not run yet never
    /// will. Stopping again waits for the same end. The end is waited for also if the task is cancelled.
    ///
    /// - Parameter limit: how long connections have to end; see ``requestStop(within:)``.
    /// - Returns: why it stopped.
    @discardableResult
    public nonisolated(nonsending) func stop(within limit: Duration? = nil) async -> StopReason {
        requestStop(within: limit)
        return await end.resolved().reason
    }

    /// Stops the server, for code that may block: ``stop(within:)`` otherwise. Called from a callback it only arranges for the
    /// stop and returns at once. A precondition failure on the thread of an ``EmbeddedServer`` between turns.
    @available(*, noasync, message: "it would block the task's thread; use stop(within:)")
    public func stopBlocking(within limit: Duration? = nil) {
        requestStop(within: limit)
        guard !mailbox.ledger.isInCallback else { return }
        expectAnotherThread("stopBlocking")
        _ = end.wait()
    }

    /// Waits for the server's end, from as many places as like to. A server that has not run yet is waited for too.
    ///
    /// The end is waited for also if the task is cancelled.
    ///
    /// - Returns: why it stopped; ``StopReason/failed(_:)`` with a ``ServerError`` if it could not begin.
    public nonisolated(nonsending) func waitForEnd() async -> StopReason {
        await end.resolved().reason
    }

    /// Waits for the server's end, for code that may block: ``waitForEnd()`` otherwise.
    ///
    /// - Returns: why it stopped, or `nil` if it has not within `limit`, and at once within a callback, which the end would have
    ///   to wait for. A precondition failure on the thread of an ``EmbeddedServer`` between turns.
    @available(*, noasync, message: "it would block the task's thread; use waitForEnd()")
    public func waitForEndBlocking(within limit: Duration? = nil) -> StopReason? {
        guard !mailbox.ledger.isInCallback else { return nil }
        expectAnotherThread("waitForEndBlocking")
        return end.wait(until: limit.map { .now + $0 })?.reason
    }

    /// The end would never come: it takes turns, which only this thread can make.
    private func expectAnotherThread(_ method: String) {
        precondition(
            !mailbox.ledger.isOnLoopThread,
            "\(method) on the thread that turns the server would wait for ever: ask by requestStop(), and turn until .done"
        )
    }

    /// How many wait for the end.
    var waitersForEnd: Int { end.waiterCount }
}

extension Result<StopReason, ServerError> {
    /// Why the server stopped, in one word for both ways to stop.
    var reason: StopReason {
        switch self {
        case .success(let reason): reason
        case .failure(let error): .failed(error)
        }
    }
}
