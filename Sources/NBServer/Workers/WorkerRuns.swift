/// The tasks that workers await, so that those of a connection can be cancelled.
///
/// Part of the loop's state; loop's thread only. A worker that awaits nothing costs it nothing.
///
/// ```
///  run ──▶ under way ── its value, or its error, comes through the mailbox ──▶ handled, or the connection fails
///              └── the connection ends, or is closed ──▶ cancelled; whatever comes is dropped
/// ```
struct WorkerRuns {
    private var tasks: [ConnectionID: [UInt64: Task<Void, Never>]] = [:]
    private var lastNumber: UInt64 = 0

    /// How many there are.
    var count: Int { tasks.values.reduce(0) { $0 + $1.count } }

    /// Begins one: `body` is told its number.
    mutating func begin(for worker: ConnectionID, _ body: (UInt64) -> Task<Void, Never>) {
        lastNumber += 1
        tasks[worker, default: [:]][lastNumber] = body(lastNumber)
    }

    /// One has ended.
    mutating func end(_ number: UInt64, of worker: ConnectionID) {
        tasks[worker]?[number] = nil
        if tasks[worker]?.isEmpty == true { tasks[worker] = nil }
    }

    /// The worker does not await anything any more.
    mutating func cancel(of worker: ConnectionID) {
        guard !tasks.isEmpty, let running = tasks.removeValue(forKey: worker) else { return }
        for task in running.values { task.cancel() }
    }
}

// Awaiting.
extension WorkerConnection where Worker: ~Copyable {
    /// Starts a task. The value that the task returns is a message to the worker, delivered to ``ConnectionWorker/handleMessage(_:on:)``.
    ///
    /// ```swift
    /// import NBServer
    ///
    /// actor Store {
    ///     func value(for key: String) throws -> String { "the value of \(key)" }
    /// }
    ///
    /// struct Client: ConnectionWorker {
    ///     enum Message { case answer(String) }
    ///     static let options = WorkerOptions(framing: .line)
    ///     let store: Store
    ///
    ///     func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
    ///         let key = line.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    ///         connection.run { [store] in .answer(try await store.value(for: key)) }
    ///     }
    ///     func handleMessage(_ message: Message, on connection: borrowing WorkerConnection<Self>) {
    ///         switch message {
    ///         case .answer(let text): connection.send(text + "\n")
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// While the task runs, nothing is delivered and little is received. Answers keep the order of their questions, and a peer that sends
    /// on is made to wait. The end of the input is delivered after the task, and so is ``ConnectionWorker/shouldFinish(_:)``: a drain does
    /// not cut off an answer.
    ///
    /// An error that `body` throws ends the connection, like an error of a callback. The task is cancelled when the connection is closed,
    /// reset, or ended by its peer or a limit. A value that it returns later is dropped.
    ///
    /// As many tasks may run at a time as ``WorkerOptions/runLimit`` says; the default is one. One more ends the connection with
    /// ``ServerError/Code/invalidArgument``.
    ///
    /// - Parameter body: called in a task of its own, on no particular thread.
    public func run(_ body: @escaping @Sendable () async throws -> Worker.Message) {
        guard slot.pointee.phase == .open else { return }
        let limit = slot.workerOptions.pointee.runLimit
        guard slot.pointee.runCount < limit else {
            return fail("run(_:)", limit + 1, "\(limit) at a time or fewer, as WorkerOptions.runLimit says")
        }
        table.pointee.beginRun(slot)
        let worker = worker
        context.state.pointee.runs.begin(for: id) { number in
            Task { await worker.run(number, body) }
        }
    }
}

extension WorkerRef where Worker: ~Copyable {
    /// Awaits, and has the worker told.
    fileprivate nonisolated(nonsending) func run(
        _ number: UInt64,
        _ body: @Sendable () async throws -> Worker.Message
    ) async {
        let result: Result<Worker.Message, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        let worker = id
        // A mailbox that is closed has no worker any more.
        try? mailbox.put(
            .request { context in Self.finishRun(number, of: worker, result, in: context) }
        )
    }

    /// What a worker awaited has come: it hears of that next, unless it is gone.
    static func finishRun(
        _ number: UInt64,
        of worker: ConnectionID,
        _ result: Result<Worker.Message, any Error>,
        in context: borrowing ServerContext
    ) {
        let state = context.state
        guard state.pointee.connections.pointee.worker(worker) != nil else { return }
        state.pointee.post(
            WorkerMail(connection: worker) { table, index, place in
                try deliver(number, result, table, index, place)
            }
        )
    }

    /// The worker gets what it awaited; then it has, or has to do, what waited for that.
    private static func deliver(
        _ number: UInt64,
        _ result: Result<Worker.Message, any Error>,
        _ table: AnyWorkerTable,
        _ index: UInt32,
        _ place: WorkerPlace
    ) throws {
        let slot = place.slot
        place.state.pointee.runs.end(number, of: slot.id)
        let rested = slot.isResting
        slot.pointee.runCount -= 1
        try unsafeDowncast(table, to: WorkerTable<Worker>.self).handleMessage(index, try result.get(), place)
        guard slot.pointee.phase == .open else { return }
        if rested { place.state.pointee.connections.pointee.endRest(slot) }
        if slot.pointee.receiving.isToFinish, slot.noteFinish() { try table.shouldFinish(index, place) }
    }
}
