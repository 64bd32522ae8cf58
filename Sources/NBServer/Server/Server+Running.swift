// Running.
extension Server where Behavior: ~Copyable {
    /// Serves on the calling thread until the server is stopped, or one of some signals arrives.
    ///
    /// ```swift
    /// try server.run(drainingOn: [.terminate], within: .seconds(30), stoppingOn: [.interrupt])
    /// ```
    ///
    /// The engine belongs to that thread. Call it on one that may block: not on a Dispatch queue.
    ///
    /// The signals are handled while the server runs, whichever thread they arrive at; no thread's mask is changed, and
    /// what was to happen on them before is put back. `sigaction(2)`.
    ///
    /// The first draining signal drains the server, as ``requestDrain(queued:within:)`` does. The next, or a stopping one, stops it, as
    /// ``requestStop(within:)`` does. One more ends its patience: connections that have not ended by then are reset, and `terminate`
    /// still runs.
    ///
    /// - Parameters:
    ///   - draining: the signals that drain the server.
    ///   - limit: how long connections have to end in that drain.
    ///   - stopping: the signals that stop the server; one that is in both lists drains it.
    ///   - reporting: the signals that the behavior is told, as ``ServerInfo/signal(_:)``, and that do nothing else; also those
    ///     that are in other lists.
    /// - Returns: why it stopped; ``StopReason/failed(_:)`` if a callback threw or the mailbox was full and
    ///   ``ServerOptions/whenMailboxIsFull`` says to stop then, and ``StopReason/requested`` at once if the server was stopped before.
    ///   Everything is closed, and `terminate` has run.
    /// - Throws: ``ServerError`` if no engine is to be had (``ServerOptions/engine``) or it fails, the behavior declined or could not
    ///   begin, the last listener went down, descriptors ran out and ``ServerOptions/whenExhausted`` says to stop then, a signal cannot be
    ///   handled, or the server ran before.
    @available(
        *,
        noasync,
        message: "it would block the task's thread, and the engine needs a thread for good; use start()"
    )
    @discardableResult
    public func run(
        drainingOn draining: [Signal] = [],
        within limit: Duration = .seconds(30),
        stoppingOn stopping: [Signal] = [],
        reporting: [Signal] = []
    ) throws(ServerError) -> StopReason {
        guard try claim() else { return .requested }
        let roles = SignalRoles(draining: draining, within: limit, stopping: stopping, reporting: reporting)
        return try runClaimed(handling: roles).get()
    }

    /// Serves on a thread of the server's own, which lives as long as the server runs. Returns when the behavior has begun.
    ///
    /// A server that was stopped before does not run, and that is no error. The server goes on running if nothing keeps a reference to it;
    /// only a stop, a signal, a verdict or a failure ends it. If the task is cancelled, the server begins all the same.
    ///
    /// - Parameters:
    ///   - draining: the signals that drain the server; see ``run(drainingOn:within:stoppingOn:reporting:)``.
    ///   - limit: how long connections have to end in that drain.
    ///   - stopping: the signals that stop the server.
    ///   - reporting: the signals that the behavior is told.
    /// - Throws: ``ServerError`` as ``run(drainingOn:within:stoppingOn:reporting:)`` does until the behavior has begun, or if no thread can
    ///   be made. A failure after that is told by ``waitForEnd()``, and to `terminate`.
    public nonisolated(nonsending) func start(
        drainingOn draining: [Signal] = [],
        within limit: Duration = .seconds(30),
        stoppingOn stopping: [Signal] = [],
        reporting: [Signal] = []
    ) async throws(ServerError) {
        let roles = SignalRoles(draining: draining, within: limit, stopping: stopping, reporting: reporting)
        guard try startThread(handling: roles) else { return }
        await begun.resolved()
        try expectBegun()
    }

    /// The same for code that may block: ``start(drainingOn:within:stoppingOn:reporting:)`` otherwise. Blocks the caller until the behavior
    /// has begun: as long as `begin` takes, and up to a second to make the engine.
    ///
    /// - Throws: ``ServerError`` as ``start(drainingOn:within:stoppingOn:reporting:)`` does.
    @available(*, noasync, message: "it would block the task's thread; use start()")
    public func startBlocking(
        drainingOn draining: [Signal] = [],
        within limit: Duration = .seconds(30),
        stoppingOn stopping: [Signal] = [],
        reporting: [Signal] = []
    ) throws(ServerError) {
        let roles = SignalRoles(draining: draining, within: limit, stopping: stopping, reporting: reporting)
        guard try startThread(handling: roles) else { return }
        begun.wait()
        try expectBegun()
    }

    /// Starts a thread that has a name and may keep to a processor; returns whether it runs, which one that was stopped before does not.
    func startThread(
        named name: String = "nb-server",
        onProcessor processor: Int? = nil,
        handling roles: SignalRoles = SignalRoles()
    ) throws(ServerError) -> Bool {
        guard try claim() else { return false }
        do {
            try NBServer.startThread(named: name) { _ = self.runClaimed(handling: roles, onProcessor: processor) }
        } catch {
            finish(.failure(error))
            throw error
        }
        return true
    }

    /// One that has begun may have failed since; the starter need not know.
    func expectBegun() throws(ServerError) {
        if case .failure(let error) = end.value, !control.hasBegun { throw error }
    }
}
