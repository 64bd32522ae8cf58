import Glibc
import Synchronization
import Testing

@testable import NBServer
@testable import Uring

/// Clients reset for want of descriptors, on the real kernel. A process of its own, since the limit is the process's.
@Suite(.serialized) struct SheddingTests {
    @Test func clientsAreResetWhileThereIsNoRoomAndServedAgainAfterwards() async throws {
        await #expect(processExitsWith: .success) {
            for rung in Rung.allCases {
                let infos = Mutex<[String]>([])
                let server = try RunningServer(
                    rung: rung,
                    exhaustion: .shed,
                    runsAtOnce: false,
                    onInfo: { info, _ in
                        infos.withLock { infos in
                            switch info {
                            case .listenerShedding(_, let cause): infos.append("shedding \(cause.errno ?? 0)")
                            case .listenerRecovered: infos.append("recovered")
                            default: infos.append("\(info)")
                            }
                        }
                    },
                    onConnection: { connection, context in
                        connection.send("hello")
                        if context.counters.delivered <= 10 { _ = context.keep(connection) }
                    }
                )
                // Everything the clients need, before the limit.
                let staying = (0..<10).map { _ in Client(family: AF_INET) }
                let shed = (0..<20).map { _ in Client(family: AF_INET) }
                let last = Client(family: AF_INET)
                try server.run()
                for client in staying { try client.connect(to: server.address) }
                for client in staying { guard try client.read(5) == "hello" else { exit(2) } }
                var fillers: [Int32] = []
                while case let filler = dup(0), filler >= 0 { fillers.append(filler) }
                for client in shed {
                    try client.connect(to: server.address)
                    guard try client.readToEnd() == .reset else { exit(3) }
                }
                for filler in fillers { close(filler) }
                try last.connect(to: server.address)
                guard try last.readToEnd() == .end("hello") else { exit(4) }
                let end = try server.stop()
                guard end.counters.delivered == 11, end.counters.discarded == 20, end.counters.shed == 20 else {
                    exit(5)
                }
                guard infos.withLock({ $0 }) == ["shedding \(EMFILE)", "recovered"] else { exit(6) }
            }
            exit(EXIT_SUCCESS)
        }
    }
}
