import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Several listeners of one server on a real kernel: all are armed, and none is served at the cost of another.
@Suite(.serialized) struct ManyListenersTests {
    @Test(arguments: EngineChoice.granted)
    func aHundredListenersThatAreReadyAtOnceAreAllServed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let gate = Gate()
                let endpoints = Array(repeating: Endpoint("127.0.0.1:0"), count: 100)
                let server = try RunningServer(engine: engine, listening: endpoints, completionDepth: 256) {
                    connection,
                    context in
                    if context.counters.delivered == 1 { gate.wait() }
                    connection.send("\(connection.localAddress?.port ?? 0)")
                    return .continue
                }
                // All are armed, and the loop is busy: what a ring with deferred work has to do piles up.
                let first = try Client(server.address)
                try KernelScenario.wait(for: "the first") {
                    try ListeningDescriptor(of: server.address).queueLength == 0
                }
                let clients = try server.addresses.map { try Client($0) }
                gate.open()
                for (client, address) in zip(clients, server.addresses) {
                    expect(try client.readToEnd(), is: .end("\(address.port)"), "a client")
                }
                _ = try first.readToEnd()
                let end = try server.stop()
                expect(end.counters.delivered, is: 101, "delivered")
                expect(end.counters.armed, is: engine == .ring(.linux5_11) ? 201 : 100, "arms")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func sixtyFourListenersAreArmedThroughASubmissionQueueOfFour(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let endpoints = Array(repeating: Endpoint("127.0.0.1:0"), count: 64)
                let server = try RunningServer(
                    engine: engine,
                    listening: endpoints,
                    submissionDepth: 4,
                    // No arm ends because the queue is full.
                    completionDepth: 256
                ) {
                    connection,
                    _ in
                    connection.send("\(connection.localAddress?.port ?? 0)")
                    return .continue
                }
                for _ in 0..<3 {
                    let clients = try server.addresses.map { try Client($0) }
                    for (client, address) in zip(clients, server.addresses) {
                        expect(try client.readToEnd(), is: .end("\(address.port)"), "a client")
                    }
                }
                let end = try server.stop()
                expect(end.counters.delivered, is: 192, "delivered")
                expect(end.counters.armed, is: engine == .ring(.linux5_11) ? 256 : 64, "arms")
                expect(end.counters.acceptFailures, is: 0, "failed accepts")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aQuietNeighborOfAFloodIsServedWithinTwoQuanta(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ports = Lock<[UInt16]>([])
                let server = try RunningServer(
                    engine: engine,
                    listening: ["127.0.0.1:0", "127.0.0.1:0"],
                    runsAtOnce: false
                ) { connection, _ in
                    let port = connection.localAddress?.port ?? 0
                    ports.withLock { $0.append(port) }
                    return .continue
                }
                let flood = try Crowd(1000, at: server.addresses[0])
                let quiet = try Client(server.addresses[1])
                try server.run()
                expect(try quiet.readToEnd(), is: .end(""), "the quiet one")
                expect(try flood.endings(), is: [.end(""): 1000], "the flood")
                let end = try server.stop()
                expect(end.counters.delivered, is: 1001, "delivered")
                let order = ports.withLock { $0 }
                expect(order.count { $0 == server.addresses[1].port }, is: 1, "deliveries to the quiet one")
                let place = order.firstIndex(of: server.addresses[1].port) ?? order.count
                expect(place <= 2 * 64, "\(place) came before the quiet one")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func listenersOnPortZeroAndOnIPv6EachServeTheirOwn(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(
                    engine: engine,
                    listening: ["127.0.0.1:0", "127.0.0.1:0", "[::1]:0", "[::1]:0"]
                ) { connection, _ in
                    connection.send(connection.localAddress?.description ?? "")
                    return .continue
                }
                expect(Set(server.addresses).count, is: 4, "addresses")
                for address in server.addresses {
                    let crowd = try Crowd(50, at: address)
                    expect(try crowd.endings(), is: [.end(address.description): 50], "the clients of \(address)")
                }
                expect(try server.stop().counters.delivered, is: 200, "delivered")
            }
        }
    }
}
