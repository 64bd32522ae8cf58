import Glibc
import GrantedLevels
import Synchronization
import Testing

@testable import NBServer
@testable import NBUring

/// Out of descriptors, on the real kernel. Each test is a process of its own, since the limit is the process's.
@Suite(.serialized) struct ExhaustionTests {
    @Test func everyClientIsGreetedWhenTheServerClosesConnectionsItHolds() async throws {
        await #expect(processExitsWith: .success) {
            for engine in EngineChoice.granted {
                let kept = Lock<[ConnectionID]>([])
                let closeKept: @Sendable (borrowing ServerContext) -> Void = { context in
                    let ids = kept.withLock { kept in
                        defer { kept = [] }
                        return kept
                    }
                    for id in ids { try? context.take(id).close() }
                }
                let parks = Atomic<Int>(0)
                let server = try RunningServer(
                    engine: engine,
                    runsAtOnce: false,
                    onInfo: { info, context in
                        guard case .listenerParked(_, let cause) = info else { return }
                        guard cause.code == .outOfResources, cause.errno == EMFILE else { exit(2) }
                        parks.add(1, ordering: .relaxed)
                        closeKept(context)
                    },
                    onConnection: { connection, context in
                        connection.send("hello")
                        // All are held until the limit is met, or the last has come.
                        let id = context.keep(connection)
                        kept.withLock { $0.append(id) }
                        if context.counters.delivered == 200 { closeKept(context) }
                    }
                )
                let clients = try (0..<200).map { _ in try Client(server.address) }
                let next = dup(0)
                close(next)
                var limit = rlimit()
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                let before = limit.rlim_cur
                // Some are the ring's and the wake-up's.
                limit.rlim_cur = rlim_t(next) + 30
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
                try server.run()
                for client in clients { guard try client.readToEnd() == .end("hello") else { exit(3) } }
                let end = try server.stop()
                guard end.counters.delivered == 200, parks.load(ordering: .relaxed) >= 6 else { exit(4) }
                limit.rlim_cur = before
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            }
            exit(EXIT_SUCCESS)
        }
    }

    @Test func whileItIsFullItServesWhomItHasAndNoticesDescriptorsFreedBySomebodyElse() async throws {
        await #expect(processExitsWith: .success) {
            let kept = Lock<ConnectionID?>(nil)
            let server = try RunningServer(
                engine: .ring(.linux6_1),
                onInfo: { info, context in
                    guard case .listenerParked = info, let id = kept.withLock({ $0 }) else { return }
                    try? context.withConnection(id) { $0.send("still here") }
                },
                onConnection: { connection, context in
                    connection.send("hello")
                    guard context.counters.delivered == 1 else { return }
                    let id = context.keep(connection)
                    kept.withLock { $0 = id }
                }
            )
            let established = try Client(server.address)
            guard try established.read(5) == "hello" else { exit(2) }
            let client = Client(family: AF_INET)
            var fillers: [Int32] = []
            while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
            try client.connect(to: server.address)
            // Said when the listener has parked, and heard while nothing is free.
            guard try established.read(10) == "still here" else { exit(3) }
            for filler in fillers { close(filler) }
            guard try client.readToEnd() == .end("hello") else { exit(4) }
            try server.stop()
            guard try established.readToEnd() == .end("") else { exit(5) }
            exit(EXIT_SUCCESS)
        }
    }
}
