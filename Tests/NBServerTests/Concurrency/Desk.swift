import NBLibc

@testable import NBServer

/// An actor that lives on a server's thread, and notes on which thread each of its jobs runs.
actor Desk {
    private let executor: ServerExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private(set) var threads: [UInt] = []
    private(set) var overlaps = 0
    private var isInJob = false

    init(_ executor: ServerExecutor) {
        self.executor = executor
    }

    nonisolated var executorOfTasks: ServerExecutor { executor }

    var count: Int { threads.count }

    /// The threads its notes were made on, each once.
    var threadSet: Set<UInt> { Set(threads) }

    func note() {
        overlaps += isInJob ? 1 : 0
        isInJob = true
        threads.append(currentThreadNumber())
        isInJob = false
    }

    /// Notes without a hop; only on the executor's thread.
    nonisolated func noteAtOnce() { assumeIsolated { $0.note() } }

    func ask(_ server: Server<Hall>) async throws(CallError) -> Int {
        try await server.call(Hall.Call.served, within: nil)
    }
}

/// A server whose connections are noted at a desk on its own thread.
struct Hall: NonBlockingServer {
    enum Call { case served(Caller<Int>) }
    enum Cast { case note }

    final class Hooks: Sendable {
        let desk = Outcome<Desk>()
        let thread = Outcome<UInt>()
        let lastWord: @Sendable (Desk?) -> Void

        init(lastWord: @escaping @Sendable (Desk?) -> Void = { _ in }) {
            self.lastWord = lastWord
        }
    }

    let hooks: Hooks
    var greeting = "hello"
    var served = 0

    func begin(_ context: borrowing ServerContext) throws -> Verdict {
        let server: Server<Self> = context.server()
        hooks.desk.resolve(Desk(try server.executor))
        hooks.thread.resolve(currentThreadNumber())
        return .continue
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        served += 1
        hooks.desk.value?.noteAtOnce()
        connection.send(greeting)
        return .continue
    }

    func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .served(let caller): caller.reply(served)
        }
        return .continue
    }

    func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        let desk = hooks.desk.value
        Task { await desk?.note() }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        hooks.lastWord(hooks.desk.value)
    }
}
