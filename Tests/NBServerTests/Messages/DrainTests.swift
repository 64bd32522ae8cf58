import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// A server that serves out what it has, and then stops, on the real kernel.
@Suite(.serialized) struct DrainTests {
    private static let limit = Duration.seconds(50)

    /// A server whose clients wait, and which begins by draining.
    @MainActor private static func drained(
        _ queued: QueuedClients,
        of crowd: Int,
        on engine: EngineChoice
    ) async throws -> (endings: [Client.Ending: Int], reason: StopReason) {
        var clerk = Clerk.greeter
        clerk.onBegin = { _, context in
            context.drain(queued: queued, within: limit)
            return .continue
        }
        let options = ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
        let server = try Server(clerk, listening: [.unshared], options: options)
        let clients = try Crowd(crowd, at: server.addresses[0])
        try await server.start()
        let endings = try clients.endings()
        let reason = await server.waitForEnd()
        #expect(throws: Client.Refused.self) { try Client(server.addresses[0]) }
        return (endings, reason)
    }

    @Test(arguments: EngineChoice.granted)
    func whoWaitsIsServedBeforeTheEnd(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let (endings, reason) = try await Self.drained(.serve, of: 500, on: engine)
                expect(endings, is: [.end(Clerk.greeting): 500], "the crowd")
                expect(reason.description, is: "drained", "why it stopped")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func whoWaitsIsLeftIfSoAsked(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let (endings, reason) = try await Self.drained(.reset, of: 500, on: engine)
                expect(endings, is: [.reset: 500], "the crowd")
                expect(reason.description, is: "drained", "why it stopped")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aServerWithoutListenersOrConnectionsDrainsAtOnce(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                var clerk = Clerk()
                clerk.onBegin = { _, context in
                    context.drain(within: Self.limit)
                    return .continue
                }
                let options = ServerOptions(engine: EngineOptions(engine))
                let server = try Server(clerk, listening: [], options: options)
                try await server.start()
                expect(await server.waitForEnd().description, is: "drained", "why it stopped")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func thoseWhoRestAreServedToo(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine) { server in
                    let address = server.addresses[0]
                    try await server.pauseListener(on: address, within: nil)
                    try await server.waitUntilItRests(address)
                    let crowd = try Crowd(100, at: address)
                    expect(await server.drain(within: Self.limit).description, is: "drained", "why it stopped")
                    expect(try crowd.endings(), is: [.end(Clerk.greeting): 100], "the crowd")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func connectionsThatDoNotEndInTimeAreCounted(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.keeper.serve(on: engine) { server in
                    let crowd = try Crowd(3, at: server.addresses[0])
                    try await server.waitForDeliveries(3)
                    // Asked twice, the shorter time counts.
                    try server.cast(
                        .perform { _, context in
                            context.drain(within: .milliseconds(1))
                            context.drain(within: Self.limit)
                            return .continue
                        }
                    )
                    let reason = await server.drain(within: Self.limit)
                    expect(
                        reason.description,
                        is: "drained, but for 3 connections that had not ended in time",
                        "why it stopped"
                    )
                    expect(try crowd.endings(), is: [.end(Clerk.greeting): 3], "the crowd")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func theBehaviorIsToldAndMayEndWhatItHolds(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let told = Record<String>()
                var clerk = Clerk.keeper
                clerk.onInfo = { clerk, info, context in
                    guard case .draining(let limit) = info else { return .continue }
                    told.append(limit > .zero && limit <= Self.limit ? "draining" : "draining within \(limit)")
                    for id in clerk.kept { try context.withConnection(id) { $0.send(", good-bye") } }
                    for id in clerk.kept { try context.take(id).close() }
                    return .continue
                }
                try await clerk.serve(on: engine) { server in
                    let crowd = try Crowd(30, at: server.addresses[0])
                    try await server.waitForDeliveries(30)
                    expect(await server.drain(within: Self.limit).description, is: "drained", "why it stopped")
                    expect(try crowd.endings(), is: [.end(Clerk.greeting + ", good-bye"): 30], "the crowd")
                    expect(told.entries, is: ["draining"], "what it was told")
                    expect(
                        await server.drain(within: .zero).description,
                        is: "drained",
                        "of a server that has ended"
                    )
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aServerThatDrainsAnswersAndTakesNoListeners(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.keeper.serve(on: engine) { server in
                    let client = try Client(server.addresses[0])
                    try await server.waitForDeliveries(1)
                    try server.cast(
                        .perform { _, context in
                            context.drain(within: Self.limit)
                            return .continue
                        }
                    )
                    expect(try await server.call(Clerk.Call.total, within: nil), is: 0, "a call's answer")
                    expect(try await server.status(within: nil).isDraining, "it does not say that it drains")
                    let listening = await code { try await server.addListener(on: .unshared, within: nil) }
                    expect(listening, is: .stopped, "a new listener")
                    try server.cast(
                        .perform { clerk, context in
                            try context.take(clerk.kept[0]).close()
                            return .continue
                        }
                    )
                    expect(await server.waitForEnd().description, is: "drained", "why it stopped")
                    expect(try client.readToEnd(), is: .end(Clerk.greeting), "the client")
                }
            }
        }
    }
}
