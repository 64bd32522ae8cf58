import Glibc
import Synchronization

@testable import NBServer
@testable import Uring

/// A server on a thread of its own, whose behavior is a closure; stopped at the latest when dropped.
final class RunningServer: Sendable {
    typealias OnConnection = @Sendable (consuming Connection, borrowing ServerContext) -> Void
    typealias OnInfo = @Sendable (ServerInfo, borrowing ServerContext) -> Void

    /// What was known when the server had stopped.
    struct End {
        var counters = ServerCounters()
        var reason = StopReason.requested
    }

    private struct Behavior: NonBlockingServer {
        let shared: Shared
        let onConnection: OnConnection
        let onInfo: OnInfo
        let socketOptions: [SocketOption]

        func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict {
            onConnection(connection, context)
            shared.deliveries.add(1, ordering: .releasing)
            return .continue
        }

        func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) -> Verdict {
            onInfo(info, context)
            return .continue
        }

        consuming func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
            let counters = context.counters
            shared.end.withLock { $0 = End(counters: counters, reason: reason) }
        }
    }

    private final class Shared: Sendable {
        let deliveries = Atomic<Int>(0)
        let end = Mutex(End())
    }

    private let server: Server<Behavior>
    private let shared = Shared()

    var address: SocketAddress { server.addresses[0] }

    init(
        rung: Rung,
        listening endpoint: Endpoint = "127.0.0.1:0",
        closeTimeLimit: Duration = .seconds(5),
        socketOptions: [SocketOption] = [],
        exhaustion: ServerOptions.Exhaustion = .park,
        runsAtOnce: Bool = true,
        onInfo: @escaping OnInfo = { _, _ in },
        onConnection: @escaping OnConnection
    ) throws {
        let ring = RingOptions(submissionDepth: 64, completionDepth: 64, highestRung: rung)
        server = try Server(
            Behavior(shared: shared, onConnection: onConnection, onInfo: onInfo, socketOptions: socketOptions),
            listening: endpoint,
            options: ServerOptions(closeTimeLimit: closeTimeLimit, exhaustion: exhaustion, ring: ring)
        )
        if runsAtOnce { try run() }
    }

    deinit {
        server.stop()
    }

    func run() throws {
        try server.start()
    }

    @discardableResult
    func stop() throws -> End {
        server.stop()
        return shared.end.withLock { $0 }
    }

    func waitForDeliveries(_ count: Int) {
        while shared.deliveries.load(ordering: .acquiring) < count { usleep(1000) }
    }
}
