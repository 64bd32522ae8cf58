import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Listeners that come, rest and go while a server runs, on the real kernel.
@Suite(.serialized) struct RuntimeListenerTests {
    @Test(arguments: EngineChoice.granted)
    func listenersAreAddedToAServerThatHasNone(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine, listening: []) { server in
                    expect(server.addresses.count, is: 0, "listeners at first")
                    // Two on port 0 are two.
                    let first = try await server.addListener(on: .unshared, within: nil).address
                    let second = try await server.addListener(on: .unshared, within: nil).address
                    let third = try await server.addListener(on: "[::1]:0", within: nil).address
                    expect(server.addresses, is: [first, second, third], "addresses")
                    expect(Set(server.addresses).count, is: 3, "different addresses")
                    let crowd = try Crowd(50, at: first, second, third)
                    expect(try crowd.endings(), is: [.end(Clerk.greeting): 150], "the crowd")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func whatCannotBeAddedOrRemovedIsAnError(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine, listenerLimit: 2) { server in
                    let ours = server.addresses[0]
                    let foreign = try ListenSocket(.unshared, options: [])
                    let address = foreign.address
                    let twice = await code { try await server.addListener(on: Endpoint("\(ours)"), within: nil) }
                    let taken = await code { try await server.addListener(on: Endpoint("\(address)"), within: nil) }
                    let nonsense = await code { try await server.addListener(on: "nowhere", within: nil) }
                    expect(twice, is: .alreadyListening, "an address of ours")
                    expect(taken, is: .addressInUse, "an address of somebody else's")
                    expect(nonsense, is: .invalidAddress, "no address")
                    let unknown = await code { try await server.removeListener(on: address, within: nil) }
                    let resumed = await code { try await server.resumeListener(on: address, within: nil) }
                    let paused = await code { try await server.pauseListener(on: address, within: nil) }
                    expect([unknown, resumed, paused], is: [.notListening, .notListening, .notListening], "unknown")
                    let second = try await server.addListener(on: .unshared, within: nil).address
                    let third = await code { try await server.addListener(on: .unshared, within: nil) }
                    expect(third, is: .tooManyListeners, "a third of two")
                    try await server.removeListener(on: second, within: nil)
                    let again = await code { try await server.removeListener(on: second, within: nil) }
                    expect(again, is: .notListening, "removed twice")
                    expect(server.addresses, is: [ours], "addresses")
                    expect(try Client(ours).readToEnd(), is: .end(Clerk.greeting), "a client")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func anAddressIsFreeWhenItsRemovalReturns(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine, listening: []) { server in
                    var endpoint: Endpoint = .unshared
                    for _ in 0..<100 {
                        let address = try await server.addListener(on: endpoint, within: nil).address
                        endpoint = Endpoint("\(address)")
                        expect(try Client(address).readToEnd(), is: .end(Clerk.greeting), "a client")
                        try await server.removeListener(on: address, within: nil)
                        // Without trying again, as the loop does.
                        _ = try ListenSocket(try endpoint.resolved(), options: [.reuseAddress(true)])
                        #expect(throws: Client.Refused.self) { try Client(address) }
                    }
                    expect(server.addresses, is: [], "addresses")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func connectionsOutliveTheirListener(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.keeper.serve(on: engine) { server in
                    let address = server.addresses[0]
                    let crowd = try Crowd(20, at: address)
                    try await server.waitForDeliveries(20)
                    try await server.removeListener(on: address, within: nil)
                    let other = try await server.addListener(on: .unshared, within: nil).address
                    let listeners = try await server.call(
                        {
                            .perform(
                                { clerk, caller, context in
                                    var known = 0
                                    for id in clerk.kept {
                                        let connection = try context.take(id)
                                        if context.listenerAddress(of: connection) != nil { known += 1 }
                                        connection.send(", still")
                                    }
                                    caller.reply(known)
                                    return .continue
                                },
                                $0
                            )
                        },
                        within: nil
                    )
                    expect(listeners, is: 0, "connections that know a listener that is gone")
                    expect(try crowd.endings(), is: [.end(Clerk.greeting + ", still"): 20], "the crowd")
                    expect(server.addresses, is: [other], "addresses")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aListenerHasOptionsOfItsOwn(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                var clerk = Clerk()
                clerk.onConnection = { _, connection, _ in
                    var (value, length) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
                    getsockopt(connection.slot.pointee.descriptor, SOL_SOCKET, SO_KEEPALIVE, &value, &length)
                    connection.send("\(value)")
                    return .continue
                }
                try await clerk.serve(on: engine) { server in
                    let with = try await server.addListener(on: .unshared, options: [.keepAlive(false)], within: nil)
                    let without = try await server.addListener(on: .unshared, within: nil)
                    expect(try Client(server.addresses[0]).readToEnd(), is: .end("1"), "of the first")
                    expect(try Client(with.address).readToEnd(), is: .end("0"), "of the one with")
                    expect(try Client(without.address).readToEnd(), is: .end("1"), "of the one without")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aListenerIsRemovedByItsOwnConnection(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                var clerk = Clerk()
                clerk.onConnection = { clerk, connection, context in
                    if let address = context.listenerAddress(of: connection) {
                        try context.removeListener(on: address)
                        clerk.total += 1
                    }
                    connection.send(Clerk.greeting)
                    return .continue
                }
                let server = try Server(
                    clerk,
                    listening: [.unshared],
                    options: ServerOptions(engine: EngineOptions(engine))
                )
                let address = server.addresses[0]
                let crowd = try Crowd(200, at: address)
                try await server.start()
                expect(try crowd.endings(), is: [.end(Clerk.greeting): 1, .reset: 199], "the crowd")
                // The clients may know that the listener is closed before the server is told.
                var told: [String] = []
                let end = ContinuousClock.now + Patience.limit
                while told.isEmpty && ContinuousClock.now < end {
                    told = try await server.withState(within: nil) { $0.seen }
                }
                expect(told, is: ["listenerRemoved(\(address))"], "what it was told")
                expect(try await server.withState(within: nil) { $0.total }, is: 1, "removals")
                expect(try await server.status(within: nil).counters.delivered, is: 1, "delivered")
                #expect(throws: Client.Refused.self) { try Client(address) }
                await server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func fromWithinACallbackListenersComeAndGoAsWell(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let addresses = Record<SocketAddress>()
                var clerk = Clerk.greeter
                clerk.onBegin = { _, context in
                    for _ in 0..<10 { addresses.append(try context.addListener(on: .unshared).address) }
                    // One that goes before it was ever armed.
                    try context.removeListener(on: addresses.entries[9])
                    return .continue
                }
                try await clerk.serve(on: engine, listening: []) { server in
                    let all = addresses.entries
                    expect(server.addresses, is: Array(all.prefix(9)), "addresses")
                    for address in all.prefix(9) {
                        expect(try Client(address).readToEnd(), is: .end(Clerk.greeting), "a client")
                    }
                    #expect(throws: Client.Refused.self) { try Client(all[9]) }
                    try server.cast(
                        .perform { _, context in
                            for address in all.prefix(8) { try context.removeListener(on: address) }
                            return .continue
                        }
                    )
                    while try await server.withState(within: nil, { $0.seen.count }) < 9 {}
                    for address in all.prefix(8) { #expect(throws: Client.Refused.self) { try Client(address) } }
                    expect(try Client(all[8]).readToEnd(), is: .end(Clerk.greeting), "the last one's client")
                    let told = try await server.withState(within: nil) { Set($0.seen) }
                    expect(told.count, is: 9, "listeners of whose end it was told")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aListenerThatRestsLosesNobody(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine, listening: [.unshared, .unshared]) { server in
                    let (resting, other) = (server.addresses[0], server.addresses[1])
                    for round in 1...5 {
                        try await server.pauseListener(on: resting, within: nil)
                        try await server.pauseListener(on: resting, within: nil)
                        try await server.waitUntilItRests(resting)
                        let waiting = try Crowd(100, at: resting)
                        expect(try Crowd(50, at: other).endings(), is: [.end(Clerk.greeting): 50], "the other's crowd")
                        expect(try ListeningDescriptor(of: resting).queueLength, is: 100, "who waits")
                        for client in waiting.clients { expect(client.hasNothingToRead, "somebody was served") }
                        try await server.resumeListener(on: resting, within: nil)
                        try await server.resumeListener(on: resting, within: nil)
                        expect(try waiting.endings(), is: [.end(Clerk.greeting): 100], "who waited")
                        let counters = try await server.status(within: nil).counters
                        expect(counters.delivered, is: UInt64(150 * round), "delivered")
                        expect(counters.discarded, is: 0, "discarded")
                    }
                }
            }
        }
    }

    /// Before the cancellation has taken effect, and in the same turn.
    @Test(arguments: EngineChoice.granted)
    func restingAndGoingOnInQuickSuccessionLosesNobody(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine) { server in
                    let address = server.addresses[0]
                    let storm = try Storm(on: address, limit: 1000)
                    for round in 0..<300 {
                        try server.cast(
                            .perform { _, context in
                                try context.pauseListener(on: address)
                                if round % 3 != 0 { try context.resumeListener(on: address) }
                                return .continue
                            }
                        )
                        try await server.resumeListener(on: address, within: nil)
                    }
                    expect(try storm.endings(), is: [.end(Clerk.greeting): 1000, .reset: 0], "the storm")
                    let counters = try await server.status(within: nil).counters
                    expect(counters.delivered, is: 1000, "delivered")
                    expect(counters.discarded, is: 0, "discarded")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aPausedListenerIsRemoved(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine) { server in
                    let address = server.addresses[0]
                    try await server.pauseListener(on: address, within: nil)
                    try await server.waitUntilItRests(address)
                    let crowd = try Crowd(10, at: address)
                    try await server.removeListener(on: address, within: nil)
                    expect(try crowd.endings(), is: [.reset: 10], "who waited")
                    expect(server.addresses, is: [], "addresses")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aThousandListenersComeAndGoUnderLoad(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine) { server in
                    let storm = try Storm(on: server.addresses[0], limit: 3000)
                    for _ in 0..<1000 {
                        let address = try await server.addListener(on: .unshared, within: nil).address
                        let client = try Client(address)
                        expect(try client.readToEnd(), is: .end(Clerk.greeting), "a client")
                        try await server.removeListener(on: address, within: nil)
                    }
                    expect(try storm.endings(), is: [.end(Clerk.greeting): 3000, .reset: 0], "the storm")
                    let status = try await server.status(within: nil)
                    expect(status.counters.delivered, is: 4000, "delivered")
                    expect(status.counters.discarded, is: 0, "discarded")
                    expect(status.listeners.count, is: 1, "listeners")
                    expect(try await server.withState(within: nil) { $0.seen.count }, is: 1000, "ends it was told of")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func whoConnectsWhileAListenerIsRemovedIsGreetedResetOrRefused(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Clerk.greeter.serve(on: engine) { server in
                    var greeted = 0
                    for _ in 0..<10 {
                        let before = try await server.status(within: nil).counters.delivered
                        let address = try await server.addListener(on: .unshared, within: nil).address
                        let storm = try Storm(on: address)
                        try await server.waitForDeliveries(before + 100)
                        try await server.removeListener(on: address, within: nil)
                        let endings = try storm.endings()
                        greeted += endings[.end(Clerk.greeting)] ?? 0
                        // Who connects in the moment in which a listener is closed may get an end; see `Storm`.
                        let known: Set<Client.Ending> = [.end(Clerk.greeting), .reset, .end("")]
                        expect(Set(endings.keys).isSubset(of: known), "endings \(endings)")
                    }
                    let counters = try await server.status(within: nil).counters
                    expect(Int(counters.delivered), is: greeted, "delivered, and greeted")
                }
            }
        }
    }
}
