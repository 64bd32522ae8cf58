import Dispatch
@preconcurrency import Glibc
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import NBServer
@testable import NBServerNIO

/// Connections that an acceptor hands to event loops: that each arrives, how many at a time, and how they end together.
@Suite(.timeLimit(.minutes(3))) struct AcceptorTests {
    @Test func everyConnectionBecomesAChannelOnItsLoop() async throws {
        try await withLoops(3) { group in
            let loops = Array(group.makeIterator())
            let onLoop = Journal<Bool>()
            let acceptor = try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0") { channel in
                onLoop.append(channel.eventLoop.inEventLoop && loops.contains { $0 === channel.eventLoop })
                return Greeter.initializer()(channel)
            }
            #expect(zip(acceptor.intakes, loops).allSatisfy { $0.loop === $1 })
            try await acceptor.start()
            for _ in 0..<200 { #expect(try await acceptor.client().readToEnd() == "hello\n") }
            // Each server's connections went to its own loop.
            let statuses = try await acceptor.servers.status().shards
            #expect(statuses.map(\.counters.delivered) == acceptor.intakes.map(\.counters.accepted))
            await acceptor.stop()
            acceptor.expectBalance()
            #expect(acceptor.counters.opened == 200)
            #expect(onLoop.entries == Array(repeating: true, count: 200))
        }
    }

    /// Those that have connected before are accepted in one turn.
    @Test func aTurnIsOneHandOver() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer()
            )
            let clients = try acceptor.clients(50)
            try await acceptor.start()
            for client in clients { #expect(try await client.readToEnd() == "hello\n") }
            await acceptor.stop()
            #expect(acceptor.counters.batches == 1)
            #expect(acceptor.counters.opened == 50)
            acceptor.expectBalance()
        }
    }

    @Test func noMoreThanTheMaximumAreOpenAtATime() async throws {
        try await withLoops { group in
            let (open, most) = (Tally(), Tally())
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                maximumOpen: 4,
                options: ServerOptions(quantum: 8)
            ) { channel in
                most.raise(to: open.add(1))
                channel.closeFuture.whenComplete { _ in _ = open.add(-1) }
                return Greeter.initializer(closing: .atFirstByte)(channel)
            }
            let clients = try acceptor.clients(100)
            try await acceptor.start()
            await acceptor.wait { $0.open == 4 }
            // The server has made the turns that follow, so its listener rests.
            while try await acceptor.servers.status().shards[0].listeners[0].activity != .paused {}
            #expect(acceptor.counters.opened == 4)
            #expect(acceptor.counters.accepted <= 4 + 8 + 8)
            // In any order: each client that is let in is told so.
            for client in clients {
                #expect(try await client.read() == Array("hello\n".utf8))
                client.send("x")
                #expect(try await client.read() == [])
            }
            await acceptor.stop()
            acceptor.expectBalance()
            #expect(acceptor.counters.opened == 100)
            #expect(most.value == 4)
        }
    }

    @Test func theMaximumIsSharedOut() throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        defer { try? group.syncShutdownGracefully() }
        #expect(try LoopParts(group, 5).loops.map(\.maximumOpen) == [2, 2, 1])
        #expect(try LoopParts(group, 2).loops.map(\.maximumOpen) == [1, 1])
        #expect(try LoopParts(group, nil).loops.map(\.maximumOpen) == [nil, nil, nil])
        #expect(try LoopParts(group.next(), 7).loops.map(\.maximumOpen) == [7])
        for number in [0, -1] {
            let error = #expect(throws: ServerError.self) { try LoopParts(group, number) }
            #expect(error?.operation == "NIOAcceptor maximumOpen")
        }
    }

    private final class NoLoops: EventLoopGroup {
        func next() -> any EventLoop { preconditionFailure("there is none") }
        func any() -> any EventLoop { next() }
        func makeIterator() -> EventLoopIterator { EventLoopIterator([]) }
        func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {}
    }

    @Test func aGroupWithoutLoopsIsAnError() {
        let error = #expect(throws: ServerError.self) { try LoopParts(NoLoops(), nil) }
        #expect(error?.operation == "NIOAcceptor group")
    }

    private final class Witness: ServerObserver {
        let begun = Tally()

        func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
            for case .began in events { _ = begun.add(1) }
        }
    }

    @Test func anObserverOfEachLoopsServerIsTold() async throws {
        try await withLoops(2) { group in
            let witness = Witness()
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                observing: { _ in witness },
                initializer: Greeter.initializer()
            )
            try await acceptor.start()
            await acceptor.stop()
            #expect(witness.begun.value == 2)
        }
    }

    /// A loop without connections is not over: its server may accept more.
    @Test func theLastChannelIsNotTheEnd() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer()
            )
            try await acceptor.start()
            #expect(try await acceptor.client().readToEnd() == "hello\n")
            await acceptor.wait { $0.closed == 1 }
            try await group.next().submit {}.get()
            #expect(acceptor.intakes[0].end.value == nil)
            await acceptor.stop()
            #expect(acceptor.intakes[0].end.value != nil)
        }
    }

    /// The servers have ended long before the channels.
    @Test func aDrainWaitsForChannels() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer(closing: .atFirstByte)
            )
            try await acceptor.start()
            let client = try acceptor.client()
            #expect(try await client.read() == Array("hello\n".utf8))
            acceptor.requestDrain(within: .seconds(60))
            _ = await acceptor.servers.waitForEnd()
            // Behind what the server had its loop do in the end.
            try await group.next().submit {}.get()
            #expect(acceptor.intakes[0].end.value == nil)
            client.send("x")
            #expect(try await client.read() == [])
            #expect(await acceptor.drain(within: .seconds(60)) == 0)
            acceptor.expectBalance()
        }
    }

    @Test func aDrainMayTakeForEver() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer(closing: .atQuiescing)
            )
            try await acceptor.start()
            let client = try acceptor.client()
            #expect(try await client.read() == Array("hello\n".utf8))
            #expect(await acceptor.drain(within: .seconds(Int64.max)) == 0)
            acceptor.expectBalance()
        }
    }

    /// Such a loop would end the process.
    @Test func aLoopThatTakesNoSocketsIsAnError() throws {
        for group in [EmbeddedEventLoop(), NIOAsyncTestingEventLoop()] as [any EventLoopGroup] {
            let error = #expect(throws: ServerError.self) {
                try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0", initializer: Greeter.initializer())
            }
            #expect(error?.code == .invalidOption)
            #expect(error?.cure.contains("give it a MultiThreadedEventLoopGroup") == true)
        }
    }

    @Test func aDrainTellsChannelsToQuiesce() async throws {
        try await withLoops(2) { group in
            let journal = Journal<String>()
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer(closing: .atQuiescing, journal: journal)
            )
            try await acceptor.start()
            let clients = try acceptor.clients(10)
            for client in clients { #expect(try await client.read() == Array("hello\n".utf8)) }
            #expect(await acceptor.drain(within: .seconds(60)) == 0)
            // Before anything else takes time: all of it is over.
            acceptor.expectBalance()
            for client in clients { #expect(try await client.read() == []) }
            #expect(journal.entries.filter { $0 == "quiescing" }.count == 10)
        }
    }

    /// Clients that wait when the drain begins become channels, one after the other at the maximum, and are told at once.
    @Test func whoWaitsIsServedInADrain() async throws {
        try await withLoops { group in
            let journal = Journal<String>()
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                maximumOpen: 2,
                initializer: Greeter.initializer(closing: .atQuiescing, journal: journal)
            )
            try await acceptor.start()
            let clients = try acceptor.clients(20)
            await acceptor.wait { $0.open == 2 }
            #expect(await acceptor.drain(within: .seconds(60)) == 0)
            acceptor.expectBalance()
            for client in clients { #expect(try await client.readToEnd() == "hello\n") }
            #expect(journal.entries.filter { $0 == "quiescing" }.count == 20)
            #expect(acceptor.counters.opened == 20)
        }
    }

    @Test func aDrainEndsWhenItsTimeIsUp() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                maximumOpen: 2,
                initializer: Greeter.initializer(closing: .never)
            )
            try await acceptor.start()
            let open = try acceptor.clients(2)
            for client in open { #expect(try await client.read() == Array("hello\n".utf8)) }
            let waiting = try acceptor.client()
            await acceptor.wait { $0.accepted == 3 }
            #expect(await acceptor.drain(within: .milliseconds(50)) == 3)
            for client in open { #expect(try await client.read() == []) }
            #expect(try await waiting.readToEnd() == nil)
            acceptor.expectBalance()
            #expect(acceptor.counters.abandoned == 1)
        }
    }

    /// The listeners go on resting: what is not let in waits in the accept queue.
    @Test func aDrainAcceptsNoMoreThanMayWait() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                maximumOpen: 2,
                options: ServerOptions(quantum: 8),
                initializer: Greeter.initializer(closing: .never)
            )
            let clients = try acceptor.clients(100)
            try await acceptor.start()
            await acceptor.wait { $0.open == 2 }
            _ = await acceptor.drain(within: .milliseconds(50))
            acceptor.expectBalance()
            #expect(acceptor.counters.opened == 2)
            #expect(acceptor.counters.accepted <= 2 + 8 + 8)
            withExtendedLifetime(clients) {}
        }
    }

    @Test func aStopClosesChannels() async throws {
        try await withLoops(2) { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer(closing: .never)
            )
            let run = Task { try await acceptor.run() }
            let clients = try acceptor.clients(10)
            for client in clients { #expect(try await client.read() == Array("hello\n".utf8)) }
            run.cancel()
            try await run.value
            for client in clients { #expect(try await client.read() == []) }
            acceptor.expectBalance()
            await #expect { try await acceptor.run() } throws: { ($0 as? ServerError)?.code == .alreadyRan }
        }
    }

    @Test func anAcceptorThatWasStoppedBeforeDoesNotRun() async throws {
        try await withLoops(2) { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer()
            )
            let client = try acceptor.client()
            await acceptor.stop()
            try await acceptor.run()
            #expect(try await client.readToEnd() == nil)
            #expect(acceptor.counters == NIOAcceptorCounters())
        }
    }

    /// In waves, since the process may have 20,000 descriptors, and each connection takes two here.
    @Test func ofTwentyThousandClientsEachIsGreetedOnce() async throws {
        try await withLoops(2) { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer()
            )
            try await acceptor.start()
            var greeted = 0
            for _ in 0..<40 {
                for client in try acceptor.clients(500) {
                    let text = try await client.readToEnd()
                    greeted += text == "hello\n" ? 1 : 0
                }
            }
            #expect(await acceptor.drain(within: .seconds(60)) == 0)
            #expect(greeted == 20_000)
            #expect(acceptor.counters.accepted == 20_000)
            #expect(acceptor.counters.opened == 20_000)
            #expect(acceptor.counters.closed == 20_000)
            acceptor.expectBalance()
        }
    }
}

/// A number that several threads change.
final class Tally: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .sequentiallyConsistent) }
    func add(_ count: Int) -> Int { number.add(count, ordering: .sequentiallyConsistent).newValue }
    func raise(to value: Int) { number.max(value, ordering: .sequentiallyConsistent) }
}
