import Glibc
import NBEngine
import Testing

@testable import NBServer

/// What a behavior was told, for tests to look at. Used by one thread.
final class Journal {
    var delivered: [Int] = []
    var infos: [String] = []
    var ends: [StopReason] = []
    var counters = ServerCounters()
    var ids: [ConnectionID] = []
    var detached: [Int32] = []
}

/// A behavior made of closures, which writes down what it is told.
struct ClosureBehavior: NonBlockingServer {
    let journal: Journal
    var onBegin: () throws -> Void = {}
    var onInfo: (ServerInfo) throws -> Verdict = { _ in .continue }
    /// Called first, with the context.
    var duringInfo: (borrowing ServerContext) -> Void = { _ in }
    var onEnd: (borrowing ServerContext) -> Void = { _ in }
    /// Gets the number of the connection, from 0.
    var onConnection: (Int, consuming Connection, borrowing ServerContext) throws -> Verdict

    func begin(_ context: borrowing ServerContext) throws -> Verdict {
        try onBegin()
        return .continue
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) throws -> Verdict {
        #expect(journal.ends.isEmpty, "a callback after terminate")
        let number = journal.delivered.count
        journal.delivered.append(number)
        journal.counters = context.counters
        return try onConnection(number, connection, context)
    }

    func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        #expect(journal.ends.isEmpty, "a callback after terminate")
        journal.counters = context.counters
        switch info {
        case .connectionFailed(_, let error): journal.infos.append("failed: \(error)")
        case .listenerParked(_, let cause): journal.infos.append("parked: \(cause.errno ?? 0)")
        case .listenerShedding(_, let cause): journal.infos.append("shedding: \(cause.errno ?? 0)")
        case .listenerRecovered: journal.infos.append("recovered")
        case .listenerAtLimit(_, let limit): journal.infos.append("at limit: \(limit)")
        case .listenerBelowLimit: journal.infos.append("below limit")
        case .listenerDown(_, let cause): journal.infos.append("down: \(cause.errno ?? 0)")
        default: journal.infos.append("\(info)")
        }
        duringInfo(context)
        return try onInfo(info)
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        journal.counters = context.counters
        journal.ends.append(reason)
        onEnd(context)
    }
}

/// A server on a fake kernel.
struct ScriptedServer {
    let journal = Journal()
    let sockets: [ListenSocket]
    var options = ServerOptions()
    var features = EngineFeatures(.ring, kernel: [5, 11], quantum: 256)

    /// The numbers of the listen sockets.
    var listeners: [Int32] { sockets.map(\.descriptor) }

    init(listeners count: Int = 1) throws {
        sockets = try (0..<count).map { _ in try ListenSocket(.unshared, options: []) }
        features.acceptsMultishot = true
    }

    /// Runs the loop through a script, then stops it, with a behavior that gives each connection to a worker.
    @discardableResult
    func run<Worker: ConnectionWorker>(
        assigning worker: @autoclosure @escaping () -> Worker,
        options: WorkerOptions? = nil,
        script: [FakeKernel.Step]
    ) throws -> (kernel: FakeKernel, reason: Result<StopReason, ServerError>) {
        try run(
            { _, connection, context in
                context.assign(connection, to: worker(), options: options)
                return .continue
            },
            script: script
        )
    }

    /// Runs the loop through a script, then stops it.
    @discardableResult
    func run(
        onBegin: @escaping () throws -> Void = {},
        onInfo: @escaping (ServerInfo) throws -> Verdict = { _ in .continue },
        duringInfo: @escaping (borrowing ServerContext) -> Void = { _ in },
        onEnd: @escaping (borrowing ServerContext) -> Void = { _ in },
        _ onConnection: @escaping (Int, consuming Connection, borrowing ServerContext) throws -> Verdict,
        script: [FakeKernel.Step]
    ) throws -> (kernel: FakeKernel, reason: Result<StopReason, ServerError>) {
        let control = LoopControl()
        try control.doorbell.open()
        let kernel = FakeKernel(script) { control.requestStop() }
        let behavior = ClosureBehavior(
            journal: journal,
            onBegin: onBegin,
            onInfo: onInfo,
            duringInfo: duringInfo,
            onEnd: onEnd,
            onConnection: onConnection
        )
        var loop = Loop(
            engine: ScriptedEngine(kernel: kernel, features: features),
            calls: ScriptedCalls(kernel: kernel),
            sockets: sockets,
            behavior: TypedBehaviorBox(behavior, Mailbox(control)),
            control: control,
            options: options
        )
        let reason: Result<StopReason, ServerError>
        do throws(ServerError) {
            reason = .success(try ThreadHost.run(&loop))
        } catch {
            reason = .failure(error)
        }
        if let failure = kernel.failure { throw failure }
        return (kernel, reason)
    }
}
