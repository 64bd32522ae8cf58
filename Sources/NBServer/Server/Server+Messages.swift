internal import NBEngine

// What can be said to a server from outside. Any thread or task.
extension Server where Behavior: ~Copyable {
    /// Sends a message that wants no answer. Never waits. Any thread, also in a callback.
    ///
    /// Messages of one sender are handled in the order in which they were sent. Before the server runs, they wait.
    ///
    /// - Throws: ``CastError`` if the server has stopped or its mailbox is full. The message is not delivered then.
    public func cast(_ message: Behavior.Cast) throws(CastError) {
        try mailbox.put(messageTypes.cast.init(message))
    }

    /// Calls the server and waits for its answer.
    ///
    /// `try await server.call(Counter.Call.served)` calls with an enum case that carries nothing but its ``Caller``. A closure makes any
    /// other call: `try await server.call { .add(2, to: 3, $0) }`.
    ///
    /// - Parameters:
    ///   - request: makes the call from the ``Caller`` to reply to.
    ///   - limit: how long to wait; `nil` for as long as it takes.
    /// - Returns: the server's reply.
    /// - Throws: ``CallError`` if there is no answer. A call always ends.
    public nonisolated(nonsending) func call<Reply>(
        _ request: (Caller<Reply>) -> Behavior.Call,
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> Reply {
        try await ask(within: limit) { messageTypes.call.init(request($0)) }
    }

    /// Calls the server and blocks the thread until it answers, for code without Swift Concurrency. Otherwise use ``call(_:within:)``.
    ///
    /// - Throws: ``CallError``, like ``call(_:within:)``, and ``CallError/calledItself`` on the server's own thread.
    @available(*, noasync, message: "it would block the task's thread; use call(_:within:)")
    public func callBlocking<Reply>(
        _ request: (Caller<Reply>) -> Behavior.Call,
        within limit: Duration? = .seconds(5)
    ) throws(CallError) -> Reply {
        let deadline = limit.map { Instant.now + $0 }
        guard !mailbox.ledger.isOnLoopThread else { throw .calledItself }
        let call = try send { messageTypes.call.init(request($0)) }
        let pending = call.pending
        defer { mailbox.ledger.strike(pending) }
        pending.wait(until: deadline)
        if let limit, !pending.isSettled {
            pending.fail(.timeout(limit))
            // An answer may have come since, and be on its last step.
            pending.wait(until: nil)
        }
        return try call.get()
    }

    /// References to the workers of one type whose connections have not begun to end.
    ///
    /// - Throws: ``CallError``, like ``call(_:within:)``.
    public nonisolated(nonsending) func workers<Worker: ConnectionWorker & ~Copyable>(
        of type: Worker.Type,
        within limit: Duration? = .seconds(5)
    ) async throws(CallError) -> [WorkerRef<Worker>] {
        try await request(within: limit) { $0.workers(of: type) }
    }

    /// Reads or changes the behavior while it runs: for debugging, tests and repairs. For example, `try await server.withState { $0.served
    /// }`.
    ///
    /// - Parameters:
    ///   - limit: how long to wait; `nil` for as long as it takes.
    ///   - body: called on the server's thread between callbacks, also while messages are suspended. It must not block.
    /// - Returns: the value that `body` returns.
    /// - Throws: ``CallError``, like ``call(_:within:)``. `body` may have been called nevertheless.
    public nonisolated(nonsending) func withState<Value: Sendable>(
        within limit: Duration? = .seconds(5),
        _ body: @escaping @Sendable (inout Behavior) -> Value
    ) async throws(CallError) -> Value {
        try await ask(within: limit) { caller in LookMessage<Behavior> { caller.reply(body(&$0)) } }
    }

    /// Has the loop do what a callback could do.
    nonisolated(nonsending) func request<Value: Sendable>(
        within limit: Duration?,
        _ body: @escaping @Sendable (borrowing ServerContext) -> Value
    ) async throws(CallError) -> Value {
        try await ask(within: limit) { caller in .request { caller.reply(body($0)) } }
    }

    /// Puts in a message that carries its caller, and waits for the answer.
    nonisolated(nonsending) func ask<Reply>(
        within limit: Duration?,
        _ message: (Caller<Reply>) -> Message
    ) async throws(CallError) -> Reply {
        try await answer(of: try send(message), within: limit)
    }

    /// Waits for the answer to a call that was sent, and strikes it out.
    nonisolated(nonsending) func answer<Reply>(
        of call: TypedCall<Reply>,
        within limit: Duration?
    ) async throws(CallError) -> Reply {
        let pending = call.pending
        defer { mailbox.ledger.strike(pending) }
        let alarm = limit.map { CallClock.shared.start(pending, $0) }
        defer { if let alarm { CallClock.shared.cancel(alarm) } }
        await withTaskCancellationHandler {
            await pending.settled()
        } onCancel: {
            pending.fail(.cancelled)
        }
        return try call.get()
    }

    /// Sends a call, which has to be waited for.
    func send<Reply>(_ message: (Caller<Reply>) -> Message) throws(CallError) -> TypedCall<Reply> {
        let ledger = mailbox.ledger
        guard !ledger.isInCallback || ledger.isInJob else { throw .calledItself }
        let call = TypedCall<Reply>(ledger)
        ledger.enter(call.pending)
        do throws(CastError) {
            try mailbox.put(message(Caller(call)))
        } catch {
            ledger.strike(call.pending)
            throw CallError(error)
        }
        return call
    }
}

extension CallError {
    fileprivate init(_ error: CastError) {
        self =
            switch error {
            case .stopped(let reason): .stopped(reason)
            case .mailboxFull(let limit): .mailboxFull(limit: limit)
            case .workerGone, .connectionTaken: preconditionFailure("a call is of no worker and no connection")
            }
    }
}
