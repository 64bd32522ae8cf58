import Glibc
import GrantedLevels
import Testing

@testable import NBServer
@testable import NBUring

/// A server on a thread of its own that makes a ``ClosureWorker`` for each connection; stopped at the latest when dropped.
final class RunningWorkers: Sendable {
    struct Behavior: NonBlockingServer {
        /// Sends its sender a message of that name.
        enum Cast { case tellMe(String, WorkerRef<ClosureWorker>) }

        let conduct: WorkerConduct
        let journal: WorkerJournal
        let end: Lock<RunningServer.End>.Box
        let failures: Lock<[String]>.Box

        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> ClosureWorker {
            ClosureWorker(number: journal.nextNumber(), conduct: conduct, journal: journal)
        }

        func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict {
            switch cast {
            case .tellMe(let name, let worker): try worker.send(.init(name: name) { _ in })
            }
            return .continue
        }

        func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
            if case .connectionFailed(_, let error) = info { failures.value.withLock { $0.append("\(error)") } }
            return .continue
        }

        consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
            let counters = context.counters
            end.value.withLock { $0 = RunningServer.End(counters: counters, reason: reason) }
        }
    }

    /// Hears what nobody else is told.
    private final class Observer: ServerObserver {
        let undelivered = Lock<[ConnectionID]>([])

        func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
            for case .messageUndelivered(let id) in events { undelivered.withLock { $0.append(id) } }
        }
    }

    let journal = WorkerJournal()
    let address: SocketAddress
    private let server: Server<Behavior>
    private let observer = Observer()
    private let end = Lock<RunningServer.End>.Box(RunningServer.End())
    private let failures = Lock<[String]>.Box([])

    /// Errors of workers that the behavior was told of.
    var reportedFailures: [String] { failures.value.withLock { $0 } }

    /// Whose messages came too late.
    var undelivered: [ConnectionID] { observer.undelivered.withLock { $0 } }

    init(
        engine: EngineChoice,
        listening endpoint: Endpoint = "127.0.0.1:0",
        _ options: WorkerOptions = WorkerOptions(),
        bufferCount: Int = 64,
        bufferSize: Int = 4096,
        closeTimeLimit: Duration = .seconds(5),
        conduct: WorkerConduct
    ) throws {
        ClosureWorker.chosenOptions.withLock { $0 = options }
        let serverOptions = ServerOptions(
            closeTimeLimit: closeTimeLimit,
            receiveBufferCount: bufferCount,
            receiveBufferSize: bufferSize,
            quantum: 64,
            engine: EngineOptions(engine, submissionDepth: 64)
        )
        let behavior = Behavior(conduct: conduct, journal: journal, end: end, failures: failures)
        server = try Server(behavior, listening: [endpoint], options: serverOptions, observer: observer)
        address = server.addresses[0]
        try server.startBlocking()
    }

    deinit {
        server.stopBlocking()
    }

    @discardableResult
    func stop() -> RunningServer.End {
        server.stopBlocking()
        return end.value.withLock { $0 }
    }

    /// Drains it and waits for its end.
    func drain(within limit: Duration = .seconds(30)) -> RunningServer.End {
        let server = server
        Task { await server.drain(within: limit) }
        _ = server.waitForEndBlocking()
        return end.value.withLock { $0 }
    }

    /// Has a worker do something, and waits until it has: whatever had come before it has been acted on by then.
    func tell(_ number: Int, _ name: String, _ body: @escaping WorkerConduct.Callback = { _ in }) throws {
        let isDone = Lock<Bool>.Box(false)
        let message = ClosureWorker.Message(name: name) { connection in
            defer { isDone.value.withLock { $0 = true } }
            try body(connection)
        }
        try journal.id(number).send(message)
        try KernelScenario.wait(for: "worker \(number) handles \(name)") { isDone.value.withLock { $0 } }
    }

    /// Sends a message and does not wait.
    func send(_ name: String, to worker: WorkerRef<ClosureWorker>) throws {
        try worker.send(ClosureWorker.Message(name: name) { _ in })
    }

    /// A client that comes next gets back the frame it says, in ``WorkerConduct/echo``.
    func expectToServe(_ framed: String) throws {
        let client = try Client(address)
        try client.say(framed)
        expect(try client.read(framed.utf8.count), is: framed, "the next client's echo")
    }
}

extension Lock where Value: Sendable {
    /// A lock for several owners.
    final class Box: Sendable {
        let value: Lock<Value>
        init(_ initial: Value) { value = Lock(initial) }
    }
}
