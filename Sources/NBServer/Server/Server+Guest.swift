package import NBEngine

// A server on an engine that is not the library's own, such as one in memory.
extension Server where Behavior: ~Copyable {
    /// Serves in turns that the caller makes, as ``embed()`` does, on an engine and on sockets that the caller brings. Unlike ``embed()``,
    /// it takes a server whose executor is in use. Jobs of the executor run in turns.
    ///
    /// - Parameters:
    ///   - engine: the engine.
    ///   - calls: what answers the calls on its sockets.
    ///   - sockets: those that listen from the beginning, besides the server's own.
    /// - Returns: what is to be turned.
    /// - Throws: ``ServerError`` as ``embed()`` does.
    package func embed<GuestEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>(
        on engine: consuming GuestEngine,
        _ calls: consuming Calls,
        listening sockets: [ListenSocket]
    ) throws(ServerError) -> EmbeddedServer {
        guard try claim(isPolled: true) else {
            throw ServerError(.stopped, operation: "embed", cure: "the server was stopped before; make another one")
        }
        do throws(ServerError) {
            let resources = takeResources()
            let loop = Loop(
                engine: engine,
                calls: calls,
                sockets: resources.sockets + sockets,
                behavior: resources.behavior,
                control: control,
                options: options,
                observer: resources.observer
            )
            loop.state.pointee.publishAddresses()
            let turned = try TurnedLoop(loop)
            noteBegun()
            return EmbeddedServer(turned, control, mailbox.ledger) { self.finish($0) }
        } catch {
            finish(.failure(error))
            throw error
        }
    }

    /// Reports a signal to the behavior, as if the server had been told to and the signal had come.
    package func report(_ signal: Signal) {
        control.setSignals(SignalRoles(reporting: [signal]))
        control.arrived(signal)
    }

    /// Calls the server, which `turn` turns; the call fails if it is not answered by then.
    package func call<Reply>(
        _ request: (Caller<Reply>) -> Behavior.Call,
        turning turn: () -> Void
    ) throws(CallError) -> Reply {
        try answer(of: try send { messageTypes.call.init(request($0)) }, turning: turn)
    }

    /// The same for what can be said of the server.
    package func status(turning turn: () -> Void) throws(CallError) -> ServerStatus {
        try answer(of: try send { caller in .request { caller.reply($0.status) } }, turning: turn)
    }

    /// How many tasks of workers are under way; see ``WorkerConnection/run(_:)``.
    package func runCount(turning turn: () -> Void) throws(CallError) -> Int {
        try answer(of: try send { caller in .request { caller.reply($0.state.pointee.runs.count) } }, turning: turn)
    }

    private func answer<Reply>(of call: TypedCall<Reply>, turning turn: () -> Void) throws(CallError) -> Reply {
        defer { mailbox.ledger.strike(call.pending) }
        turn()
        if !call.pending.isSettled { call.pending.fail(.timeout(.zero)) }
        return try call.get()
    }
}
