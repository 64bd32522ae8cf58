import Glibc
import GrantedLevels
import Synchronization

@testable import NBServer
@testable import NBUring

/// A server on a thread of its own, whose behavior is closures; stopped at the latest when dropped.
final class RunningServer: Sendable {
    typealias OnBegin = @Sendable () -> Void
    typealias OnConnection = @Sendable (consuming Connection, borrowing ServerContext) -> Void
    typealias OnInfo = @Sendable (ServerInfo, borrowing ServerContext) -> Void
    typealias Deciding = @Sendable (consuming Connection, borrowing ServerContext) throws -> Verdict

    /// What was known when the server had stopped.
    struct End {
        var counters = ServerCounters()
        var reason = StopReason.requested
    }

    /// What the behavior was told, in short.
    enum Report: Hashable {
        case parked(errno: Int32?)
        case shedding(errno: Int32?)
        case recovered
        case down(errno: Int32?)
        case failed
        case other
    }

    private struct Behavior: NonBlockingServer {
        let shared: Shared
        let onBegin: OnBegin
        let onInfo: OnInfo
        let deciding: Deciding

        func begin(_ context: borrowing ServerContext) -> Verdict {
            onBegin()
            return .continue
        }

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) throws -> Verdict {
            defer { shared.deliveries.add(1, ordering: .releasing) }
            return try deciding(connection, context)
        }

        func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
            shared.reports.withLock { $0.append(Report(info)) }
            onInfo(info, context)
            return .continue
        }

        consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
            let counters = context.counters
            shared.end.withLock { $0 = End(counters: counters, reason: reason) }
            shared.terminations.add(1, ordering: .releasing)
        }
    }

    private final class Shared: Sendable {
        let deliveries = Atomic<Int>(0)
        let terminations = Atomic<Int>(0)
        let reports = Lock<[Report]>([])
        let end = Lock(End())
    }

    private let server: Server<Behavior>
    private let shared = Shared()

    var address: SocketAddress { addresses[0] }
    /// Where it listens at first.
    let addresses: [SocketAddress]
    var reports: [Report] { shared.reports.withLock { $0 } }
    /// How often `terminate` has run.
    var terminations: Int { shared.terminations.load(ordering: .acquiring) }
    /// How many callbacks for connections have returned.
    var deliveries: Int { shared.deliveries.load(ordering: .acquiring) }

    init(
        engine: EngineChoice,
        listening endpoints: [Endpoint],
        submissionDepth: Int = 64,
        completionDepth: Int = 64,
        acceptMode: ServerOptions.AcceptMode = .multishot,
        whenExhausted: ServerOptions.Exhaustion = .park,
        closeTimeLimit: Duration = .seconds(5),
        socketOptions: [SocketOption] = [],
        runsAtOnce: Bool = true,
        onBegin: @escaping OnBegin = {},
        onInfo: @escaping OnInfo = { _, _ in },
        deciding: @escaping Deciding
    ) throws {
        let behavior = Behavior(
            shared: shared,
            onBegin: onBegin,
            onInfo: onInfo,
            deciding: deciding
        )
        let options = ServerOptions(
            closeTimeLimit: closeTimeLimit,
            socketOptions: socketOptions,
            acceptMode: acceptMode,
            whenExhausted: whenExhausted,
            quantum: completionDepth,
            engine: EngineOptions(engine, submissionDepth: submissionDepth)
        )
        server = try Server(behavior, listening: endpoints, options: options)
        addresses = server.addresses
        if runsAtOnce { try run() }
    }

    /// The same with one listener and a behavior that always goes on.
    convenience init(
        engine: EngineChoice,
        listening endpoint: Endpoint = .unshared,
        submissionDepth: Int = 64,
        completionDepth: Int = 64,
        acceptMode: ServerOptions.AcceptMode = .multishot,
        whenExhausted: ServerOptions.Exhaustion = .park,
        closeTimeLimit: Duration = .seconds(5),
        socketOptions: [SocketOption] = [],
        runsAtOnce: Bool = true,
        onBegin: @escaping OnBegin = {},
        onInfo: @escaping OnInfo = { _, _ in },
        onConnection: @escaping OnConnection
    ) throws {
        try self.init(
            engine: engine,
            listening: [endpoint],
            submissionDepth: submissionDepth,
            completionDepth: completionDepth,
            acceptMode: acceptMode,
            whenExhausted: whenExhausted,
            closeTimeLimit: closeTimeLimit,
            socketOptions: socketOptions,
            runsAtOnce: runsAtOnce,
            onBegin: onBegin,
            onInfo: onInfo,
            deciding: { connection, context in
                onConnection(connection, context)
                return .continue
            }
        )
    }

    deinit {
        server.stopBlocking()
    }

    func run() throws {
        try server.startBlocking()
    }

    @discardableResult
    func stop() throws -> End {
        server.stopBlocking()
        return shared.end.withLock { $0 }
    }

    func waitForDeliveries(_ count: Int) {
        while deliveries < count { usleep(1000) }
    }
}

extension RunningServer.Report {
    init(_ info: ServerInfo) {
        switch info {
        case .listenerParked(_, let cause): self = .parked(errno: cause.errno)
        case .listenerShedding(_, let cause): self = .shedding(errno: cause.errno)
        case .listenerRecovered: self = .recovered
        case .listenerDown(_, let cause): self = .down(errno: cause.errno)
        case .connectionFailed: self = .failed
        default: self = .other
        }
    }
}
