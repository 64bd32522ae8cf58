import Glibc
import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// What a behavior does with a connection, and what the kernel then makes of it.
@Suite(.serialized) struct ConnectionFateTests {
    /// Held by a test's behavior, and touched by the loop's thread only.
    private final class Holder: @unchecked Sendable {
        var connections: [HeldConnection] = []
    }

    private struct Trouble: Error {}

    @Test(arguments: EngineChoice.granted)
    func droppedHeldKeptAndDetachedConnectionsAreWhoseTheyShouldBe(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let holder = Holder()
                let detached = Lock<[Int32]>([])
                let server = try RunningServer(engine: engine) { connection, context in
                    connection.send("\(context.counters.delivered)")
                    switch context.counters.delivered {
                    case 1: break
                    case 2: holder.connections.append(HeldConnection(connection))
                    case 3: _ = context.keep(connection)
                    case 4:
                        connection.detach { connection in
                            let descriptors = connection.takeDescriptors()
                            detached.withLock { $0 += descriptors }
                        }
                    default: holder.connections = []
                    }
                }
                let clients = try (1...4).map { number in
                    let client = try Client(server.address)
                    expect(try client.read(1), is: "\(number)", "a greeting")
                    return client
                }
                expect(try clients[0].readToEnd(), is: .end(""), "the dropped one")
                for client in clients[1...] { expect(client.hasNothingToRead, is: true, "open and quiet") }
                expect(try Client(server.address).readToEnd(), is: .end("5"), "the one that ends the holding")
                expect(try clients[1].readToEnd(), is: .end(""), "the held one, dropped")
                for client in clients[2...] { expect(client.hasNothingToRead, is: true, "open and quiet still") }
                let end = try server.stop()
                expect(try clients[2].readToEnd(), is: .end(""), "the kept one, at the server's end")
                expect(clients[3].hasNothingToRead, is: true, "the detached one is open")
                let descriptors = detached.withLock { $0 }
                expect(descriptors.count, is: 1, "detached")
                for descriptor in descriptors {
                    expect(send(descriptor, "mine", 4, Int32(MSG_NOSIGNAL)), is: 4, "sent by the new owner")
                    close(descriptor)
                }
                expect(try clients[3].readToEnd(), is: .end("mine"), "the detached one")
                expect(end.counters.delivered, is: 5, "delivered")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func clientsThatResetBeforeTheyAreAcceptedAreDeliveredWithoutAnAddress(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let gone = Atomic<Int>(0)
                let present = Atomic<Int>(0)
                let server = try RunningServer(engine: engine, runsAtOnce: false) { connection, _ in
                    let isGone = connection.peerAddress == nil
                    if isGone { gone.add(1, ordering: .relaxed) } else { present.add(1, ordering: .relaxed) }
                    connection.send("to whom it may concern")
                }
                try Crowd.comeAndReset(200, at: server.address)
                let crowd = try Crowd(50, at: server.address)
                try server.run()
                expect(try crowd.endings(), is: [.end("to whom it may concern"): 50], "those who stayed")
                let end = try server.stop()
                expect(gone.load(ordering: .relaxed), is: 200, "without an address")
                expect(present.load(ordering: .relaxed), is: 50, "with an address")
                expect(end.counters.delivered, is: 250, "delivered")
                expect(end.counters.expired, is: 0, "expired")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aCallbackThatThrowsCostsItsConnectionOnly(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, listening: ["127.0.0.1:0"]) { connection, context in
                    guard context.counters.delivered % 3 != 0 else { throw Trouble() }
                    connection.send("hello")
                    return .continue
                }
                expect(try Crowd(300, at: server.address).endings(), is: [.end("hello"): 200, .end(""): 100], "all")
                let end = try server.stop()
                expect(end.counters.delivered, is: 300, "delivered")
                expect(end.counters.failed, is: 100, "failed")
                expect(server.reports, is: Array(repeating: .failed, count: 100), "reports")
            }
        }
    }
}
