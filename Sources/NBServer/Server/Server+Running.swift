// Running.
extension Server where Behavior: ~Copyable {
    /// Serves on the calling thread until the server ends.
    ///
    /// The engine belongs to that thread, which must be one that may block: not a thread of a Dispatch queue.
    ///
    /// Signals are handled while the server runs, on whichever thread they arrive. No thread's mask is changed. The previous actions are
    /// restored afterwards. `sigaction(2)`.
    ///
    /// 1. The first draining signal drains the server, like ``requestDrain(queued:within:)``.
    /// 2. The next one, or a stopping signal, stops it, like ``requestStop(within:)``.
    /// 3. One more resets the connections that are left. `terminate` still runs.
    ///
    /// - Parameters:
    ///   - draining: the signals that drain the server.
    ///   - limit: how long connections have to end in that drain.
    ///   - stopping: the signals that stop the server. A signal in both lists drains.
    ///   - reporting: the signals that the behavior hears of, as ``ServerInfo/signal(_:)``. They neither drain nor stop the server, even if
    ///     they are in another list as well.
    /// - Returns: why the server stopped. Everything is closed, and `terminate` has run. ``StopReason/failed(_:)`` if a callback threw, or
    ///   if the mailbox was full and ``ServerOptions/whenMailboxIsFull`` says to stop. ``StopReason/requested`` at once if the server was
    ///   stopped before it ran.
    /// - Throws: ``ServerError`` if no engine can be made (``ServerOptions/engine``) or the engine fails, the behavior declined or could
    ///   not begin, the last listener went down, descriptors ran out and ``ServerOptions/whenExhausted`` says to stop, a signal cannot be
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
    /// A server that was stopped before does not run; `start` returns without an error. The server runs on if nothing references it. Only a
    /// stop, a signal, a verdict or a failure ends it. If the task is cancelled, the server begins all the same.
    ///
    /// - Parameters:
    ///   - draining: the signals that drain the server; see ``run(drainingOn:within:stoppingOn:reporting:)``.
    ///   - limit: how long connections have to end in that drain.
    ///   - stopping: the signals that stop the server.
    ///   - reporting: the signals that the behavior hears of.
    /// - Throws: ``ServerError`` if the server cannot begin, for the reasons of ``run(drainingOn:within:stoppingOn:reporting:)``, or if no
    ///   thread can be made. ``waitForEnd()`` and `terminate` tell of a later failure.
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

    /// Serves on a thread of the server's own, for code that may block. Otherwise use ``start(drainingOn:within:stoppingOn:reporting:)``.
    /// Blocks the caller until the behavior has begun: as long as `begin` takes, and up to a second to make the engine.
    ///
    /// - Throws: ``ServerError``, like ``start(drainingOn:within:stoppingOn:reporting:)``.
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
