import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Crowds on a real kernel: each client is served once, whatever the queues' depths.
@Suite(.serialized) struct CrowdTests {
    static let greeting = "No soup for you!\n"

    @Test(arguments: EngineChoice.granted)
    func tenThousandClientsGetASerialNumberEach(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, completionDepth: 256) { connection, context in
                    connection.send("\(context.counters.delivered) \(connection.peerAddress?.port ?? 0)")
                }
                var serials: [Int] = []
                for _ in 0..<10 {
                    let crowd = try Crowd(1000, at: server.address)
                    for client in crowd.clients {
                        guard case .end(let text) = try client.readToEnd() else { continue }
                        let numbers = text.split(separator: " ").compactMap { Int($0) }
                        expect(numbers.last, is: Int(client.localAddress.port), "whose greeting it was")
                        serials.append(numbers.first ?? 0)
                    }
                }
                let end = try server.stop()
                expect(serials.sorted() == Array(1...10_000), "serial numbers are not 1 to 10,000, once each")
                expect(end.counters.delivered, is: 10_000, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
                expect(end.counters.acceptFailures, is: 0, "failed accepts")
            }
        }
    }

    @Test(arguments: EngineChoice.granted, [8, 256, 4096])
    func clientsThatComeAndResetAreAllDelivered(on engine: EngineChoice, completionDepth: Int) async {
        await #expect(processExitsWith: .success) { [engine, completionDepth] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, completionDepth: completionDepth, runsAtOnce: false) {
                    connection,
                    _ in connection.send(Self.greeting)
                }
                // Some wait in the queue already, so that a small completion queue must overflow.
                try Crowd.comeAndReset(500, at: server.address)
                try server.run()
                try Crowd.comeAndReset(1000, at: server.address)
                try KernelScenario.wait(for: "1,500 deliveries") { server.deliveries >= 1500 }
                // A callback may return before the listener is armed again; a client that has its end comes after both.
                expect(try Client(server.address).readToEnd(), is: .end(Self.greeting), "a late client")
                let end = try server.stop()
                expect(end.counters.delivered, is: 1501, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
                expect(end.counters.acceptFailures, is: 0, "failed accepts")
                switch (engine, completionDepth) {
                case (.ring(.linux5_11), _): expect(end.counters.armed, is: 1502, "arms, one a connection")
                case (_, 4096): expect(end.counters.armed, is: 1, "arms, and the queue never full")
                case (_, let depth):
                    expect(end.counters.armed >= 500 / UInt64(depth + 1), "only \(end.counters.armed) arms")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted, [1, 2, 8])
    func theLastConnectionOfAnArmIsDeliveredAndTheListenerArmedAgain(
        on engine: EngineChoice,
        completionDepth: Int
    ) async {
        await #expect(processExitsWith: .success) { [engine, completionDepth] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, completionDepth: completionDepth, runsAtOnce: false) {
                    connection,
                    _ in connection.send(Self.greeting)
                }
                let crowd = try Crowd(300, at: server.address)
                try server.run()
                expect(try crowd.endings(), is: [.end(Self.greeting): 300], "the crowd")
                expect(try Client(server.address).readToEnd(), is: .end(Self.greeting), "a late client")
                let end = try server.stop()
                expect(end.counters.delivered, is: 301, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
                // An arm takes what the queue holds and one more.
                let leastArms = engine == .ring(.linux5_11) ? 302 : 300 / UInt64(completionDepth + 1)
                expect(end.counters.armed >= leastArms, "only \(end.counters.armed) arms")
            }
        }
    }
}
