import Glibc
import Synchronization
import Testing

@testable import NBServer
@testable import Uring

/// Out of descriptors, on the real kernel. Each test is a process of its own, since the limit is the process's.
@Suite(.serialized) struct ExhaustionTests {
    @Test func everyClientIsGreetedWhenTheServerClosesConnectionsItHolds() async throws {
        await #expect(processExitsWith: .success) {
            for rung in Rung.allCases {
                let kept = Mutex<[ConnectionID]>([])
                let closeKept: @Sendable (borrowing ServerContext) -> Void = { context in
                    let ids = kept.withLock { kept in
                        defer { kept = [] }
                        return kept
                    }
                    for id in ids { try? context.take(id).close() }
                }
                let parks = Atomic<Int>(0)
                let server = try RunningServer(
                    rung: rung,
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

    @Test func descriptorsFreedBySomebodyElseAreNoticedInTime() async throws {
        await #expect(processExitsWith: .success) {
            let parked = Gate()
            let server = try RunningServer(
                rung: .deferred,
                onInfo: { info, _ in if case .listenerParked = info { parked.open() } },
                onConnection: { connection, _ in connection.send("hello") }
            )
            let client = Client(family: AF_INET)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var fillers: [Int32] = []
            while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
            try client.connect(to: server.address)
            parked.wait()
            for filler in fillers { close(filler) }
            guard try client.readToEnd() == .end("hello") else { exit(3) }
            try server.stop()
            exit(EXIT_SUCCESS)
        }
    }
}
