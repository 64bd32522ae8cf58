import Glibc
import GrantedLevels
import Testing

@testable import NBServer
@testable import NBUring

/// A whole server on the real kernel, turned by hand on one thread, with budgets down to 1: exactly once, and never asleep over
/// something that has come. The kernel signals only where nothing was, so a host that misses one signal gets no other.
@Suite(.serialized) struct PolledHostTests {
    @Test(arguments: EngineChoice.granted)
    func aCrowdIsServedWithAnyBudget(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for budgets in [1...1, 1...3, 1...1000] {
                    var server = try TurnedServer(.greeter, on: engine, listeners: 1, budgets: budgets)
                    let clients = try (0..<3000).map { _ in try Client(server.addresses[0]) }
                    try server.turn { $0.delivered == 3000 }
                    try server.expectRest()
                    try PolledHostTests.expectGreetings(clients)
                    try PolledHostTests.stop(&server, delivered: 3000)
                }
            }
        }
    }

    /// More than the ring holds is there at once, and then nothing comes that could wake a host that has missed some of it.
    @Test(arguments: EngineChoice.granted)
    func manyListenersAreServedAndThenThereIsSilence(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for budgets in [1...1, 1...40] {
                    var server = try TurnedServer(.greeter, on: engine, listeners: 25, budgets: budgets)
                    for round in 1...3 {
                        try server.expectRest()
                        let clients = try server.addresses.flatMap { address in
                            try (0..<20).map { _ in try Client(address) }
                        }
                        try server.turn { $0.delivered == 500 * UInt64(round) }
                        try server.expectRest()
                        try PolledHostTests.expectGreetings(clients)
                    }
                    try PolledHostTests.stop(&server, delivered: 1500)
                }
            }
        }
    }

    /// One connection between every two turns.
    @Test(arguments: EngineChoice.granted)
    func clientsThatComeBetweenTurnsAreServed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var server = try TurnedServer(.greeter, on: engine, listeners: 3, budgets: 1...2)
                try server.expectRest()
                var clients: [Client] = []
                for number in 0..<300 {
                    clients.append(try Client(server.addresses[number % 3]))
                    try server.turn()
                }
                try server.turn { $0.delivered == 300 }
                try server.expectRest()
                try PolledHostTests.expectGreetings(clients)
                try PolledHostTests.stop(&server, delivered: 300)
            }
        }
    }

    /// All of them come through the one descriptor: no other wakes the host, and no wait has a time limit that matters.
    @Test(arguments: EngineChoice.granted)
    func messagesTimersAndListenersWakeTheHost(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let timers = Record<String>()
                let added = Record<SocketAddress>()
                var clerk = Clerk.greeter
                clerk.onInfo = { _, info, _ in
                    if case .timer = info { timers.append("timer") }
                    if case .timeout = info { timers.append("timeout") }
                    return .continue
                }
                var server = try TurnedServer(clerk, on: engine, listeners: 1, budgets: 1...2)
                try server.expectRest()
                for _ in 0..<5 {
                    try server.mailbox.put(CastMessage<Clerk>(.add(1)))
                    try server.turn()
                }
                try server.turn { $0.messages == 5 }
                try server.expectRest()

                // The later one first, so that the engine's alarm has to be moved.
                for delay in [40, 10] {
                    try server.mailbox.put(
                        CastMessage<Clerk>(
                            .perform { _, context in
                                _ = context.startTimer(after: .milliseconds(delay))
                                return .continue
                            }
                        )
                    )
                    try server.turn()
                }
                while timers.entries.count < 2 { try server.turn() }
                #expect(timers.entries == ["timer", "timer"])
                // On a slow machine a timeout may be over before the host waits for it.
                var (count, milliseconds, hasWaited) = (2, 10, false)
                while !hasWaited {
                    let timeout = Duration.milliseconds(milliseconds)
                    try server.mailbox.put(CastMessage<Clerk>(.perform { _, _ in .continue(timeout: timeout) }))
                    // The message is handled; from now on the host waits for the timeout only.
                    try server.turn()
                    let waits = server.waits
                    count += 1
                    while timers.entries.count < count { try server.turn() }
                    hasWaited = server.waits > waits
                    milliseconds *= 2
                }
                #expect(timers.entries[2...].allSatisfy { $0 == "timeout" })

                try server.mailbox.put(
                    CastMessage<Clerk>(
                        .perform { _, context in
                            added.append(try context.addListener(on: "127.0.0.1:0").address)
                            return .continue
                        }
                    )
                )
                while added.entries.isEmpty { try server.turn() }
                try server.expectRest()
                let client = try Client(try #require(added.entries.first))
                try server.turn { $0.delivered == 1 }
                try server.expectRest()
                try PolledHostTests.expectGreetings([client])
                try PolledHostTests.stop(&server, delivered: 1)
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDrainServesWhoWaitsAndEnds(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var server = try TurnedServer(.greeter, on: engine, listeners: 2, budgets: 1...5)
                try server.expectRest()
                let clients = try server.addresses.flatMap { address in try (0..<100).map { _ in try Client(address) } }
                try server.mailbox.put(.request { $0.drain(queued: .serve, within: .seconds(60)) })
                guard case .drained(let unfinished) = try server.turnToTheEnd() else {
                    Issue.record("it stopped for another reason")
                    return
                }
                #expect(unfinished == 0)
                try PolledHostTests.expectGreetings(clients)
                let delivered = server.counters.delivered
                #expect(delivered == 200)
            }
        }
    }

    private static func expectGreetings(_ clients: [Client]) throws {
        for client in clients { expect(try client.readToEnd(), is: .end(Clerk.greeting), "a client") }
    }

    private static func stop(_ server: inout TurnedServer, delivered: UInt64) throws {
        server.control.requestStop()
        guard case .requested = try server.turnToTheEnd() else {
            Issue.record("it stopped for another reason")
            return
        }
        let counters = server.counters
        #expect(counters.delivered == delivered)
        #expect(counters.discarded == 0)
        #expect(counters.failed == 0)
    }
}
