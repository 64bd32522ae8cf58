internal import NBEngine

// Stopping, and waiting for the end.
extension Server where Behavior: ~Copyable {
    /// Asks the server to stop, without waiting. A server that does not run yet never will. May be called from any thread and in a
    /// callback, but not in a signal handler, which would wait for locks of the thread that it interrupts.
    ///
    /// - Parameter limit: how long connections have to take what is queued for them. Connections that are left are then reset; with
    ///   `.zero`, at once. `nil` means ``ServerOptions/stopTimeLimit``. If asked again, the shortest limit counts.
    public func requestStop(within limit: Duration? = nil) {
        if !cancel() { control.requestStop(within: limit) }
    }

    /// Stops the server.
    ///
    /// Returns when everything is closed and `terminate` has run. Connections end like those that are dropped: each peer has
    /// ``ServerOptions/closeTimeLimit`` to take something, and all of them together have `limit`. A server that does not run yet never
    /// will. Stopping again waits for the same end. Cancelling the task does not end the wait.
    ///
    /// - Parameter limit: how long connections have to end; see ``requestStop(within:)``.
    /// - Returns: why the server stopped.
    @discardableResult
    public nonisolated(nonsending) func stop(within limit: Duration? = nil) async -> StopReason {
        requestStop(within: limit)
        return await end.resolved().reason
    }

    /// Stops the server, for code that may block. Otherwise use ``stop(within:)``. In a callback of the server, it asks for the stop and
    /// returns at once. On the thread of an ``EmbeddedServer`` between turns, it is a precondition failure.
    @available(*, noasync, message: "it would block the task's thread; use stop(within:)")
    public func stopBlocking(within limit: Duration? = nil) {
        requestStop(within: limit)
        guard !mailbox.ledger.isInCallback else { return }
        expectAnotherThread("stopBlocking")
        _ = end.wait()
    }

    /// Waits for the server's end. Any number of tasks may wait, also for a server that has not run yet. Cancelling the task does not end
    /// the wait.
    ///
    /// - Returns: why the server stopped. ``StopReason/failed(_:)`` with a ``ServerError`` if it could not begin.
    public nonisolated(nonsending) func waitForEnd() async -> StopReason {
        await end.resolved().reason
    }

    /// Waits for the server's end, for code that may block. Otherwise use ``waitForEnd()``. On the thread of an ``EmbeddedServer`` between
    /// turns, it is a precondition failure.
    ///
    /// - Returns: why the server stopped. `nil` if it has not stopped within `limit`. `nil` at once in a callback of the server, because
    ///   the end waits for callbacks.
    @available(*, noasync, message: "it would block the task's thread; use waitForEnd()")
    public func waitForEndBlocking(within limit: Duration? = nil) -> StopReason? {
        guard !mailbox.ledger.isInCallback else { return nil }
        expectAnotherThread("waitForEndBlocking")
        return end.wait(until: limit.map { .now + $0 })?.reason
    }

    /// The end would never come: it takes turns, which only this thread can make.
    func expectAnotherThread(_ method: String) {
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
