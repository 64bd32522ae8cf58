@preconcurrency import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import NBServer
@testable import NBServerNIO

/// Every way in which a connection can fail to become a channel. A client whose descriptor was left open anywhere would not read an end, and
/// its test would fail after ten seconds; a future that never completed would keep the acceptor from ending.
///
/// Not here: NIO's `Socket.init` may throw where `SO_NOSIGPIPE` exists, which is not on Linux, or on a descriptor that is not open, which an
/// accepted one is.
@Suite(.timeLimit(.minutes(3))) struct HandOverFailureTests {
    private struct Mishap: Error {}

    @Test(arguments: [true, false]) func anInitializerThatFailsCostsItsConnection(_ isAtOnce: Bool) async throws {
        try await withLoops { group in
            let number = Tally()
            let acceptor = try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0") { channel in
                guard number.add(1) % 2 == 0 else { return Greeter.initializer()(channel) }
                guard !isAtOnce else { return channel.eventLoop.makeFailedFuture(Mishap()) }
                return channel.eventLoop.submit {}.flatMapThrowing { throw Mishap() }
            }
            try await acceptor.start()
            var ends: [String?] = []
            for _ in 0..<20 { ends.append(try await acceptor.client().readToEnd()) }
            await acceptor.stop()
            #expect(ends == (0..<20).map { $0 % 2 == 0 ? "hello\n" : "" })
            #expect(acceptor.counters.failed == 10)
            #expect(acceptor.counters.opened == 10)
            acceptor.expectBalance()
        }
    }

    /// At the maximum, each failure lets in the next that waits: no stack grows with them.
    @Test func aThousandFailuresInARowAreNoRecursion() async throws {
        try await withLoops { group in
            let held = group.next().makePromise(of: Void.self)
            let (number, depths) = (Tally(), Journal<Int>())
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                maximumOpen: 1,
                options: ServerOptions(quantum: 1024)
            ) { channel in
                var mark = 0
                withUnsafePointer(to: &mark) { depths.append(Int(bitPattern: $0)) }
                return number.add(1) == 1 ? held.futureResult : channel.eventLoop.makeFailedFuture(Mishap())
            }
            let clients = try acceptor.clients(1000)
            try await acceptor.start()
            await acceptor.wait { $0.accepted == 1000 }
            held.fail(Mishap())
            for client in clients { #expect(try await client.readToEnd() == "") }
            await acceptor.stop()
            #expect(acceptor.counters.failed == 1000)
            acceptor.expectBalance()
            // The first one began further up the stack; of the others each began at the same place.
            #expect(Set(depths.entries.dropFirst()).count == 1)
        }
    }

    @Test func anOptionThatCannotBeSetCostsItsConnection() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                bootstrap: { $0.channelOption(.socketOption(NIOBSDSocket.Option(rawValue: 9999)), value: 1) },
                initializer: Greeter.initializer()
            )
            try await acceptor.start()
            for _ in 0..<10 { #expect(try await acceptor.client().readToEnd() == "") }
            await acceptor.stop()
            #expect(acceptor.counters.failed == 10)
            acceptor.expectBalance()
        }
    }

    @Test func optionsOfTheBootstrapAreSet() async throws {
        try await withLoops { group in
            let sizes = Journal<Int32>()
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                bootstrap: { $0.channelOption(.socketOption(.so_keepalive), value: 1) }
            ) { channel in
                channel.getOption(.socketOption(.so_keepalive)).flatMap { value in
                    sizes.append(Int32(value))
                    return Greeter.initializer()(channel)
                }
            }
            try await acceptor.start()
            #expect(try await acceptor.client().readToEnd() == "hello\n")
            await acceptor.stop()
            #expect(sizes.entries == [1])
        }
    }

    /// A loop that was shut down drops what it is to execute. A client that connects then is reset, and the acceptor says why it ended.
    @Test func aLoopThatWasShutDownEndsTheAcceptor() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let acceptor = try NIOAcceptor(
            group: group,
            listeningOn: "127.0.0.1:0",
            initializer: Greeter.initializer(closing: .never)
        )
        let run = Task { try await acceptor.run() }
        let before = try acceptor.client()
        #expect(try await before.read() == Array("hello\n".utf8))
        try await group.shutdownGracefully()
        #expect(try await before.read() == [])
        #expect(try await acceptor.client().readToEnd() == nil)
        await #expect { try await run.value } throws: {
            ($0 as? ServerError)?.description
                == "hand a connection over: its event loop was shut down: stop an acceptor before its group"
        }
        acceptor.expectBalance()
        #expect(acceptor.counters.opened == 1)
        #expect(acceptor.counters.abandoned == 1)
    }

    /// Those that wait at the maximum end with the loop, which is not asked for them any more.
    @Test func whoWaitsEndsWithTheLoop() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let acceptor = try NIOAcceptor(
            group: group,
            listeningOn: "127.0.0.1:0",
            maximumOpen: 1,
            initializer: Greeter.initializer(closing: .never)
        )
        try await acceptor.start()
        let open = try acceptor.client()
        #expect(try await open.read() == Array("hello\n".utf8))
        let waiting = try acceptor.clients(5)
        await acceptor.wait { $0.accepted >= 2 }
        try await group.shutdownGracefully()
        await acceptor.stop()
        #expect(try await open.read() == [])
        for client in waiting { #expect(try await client.readToEnd() ?? "" == "") }
        acceptor.expectBalance()
    }

    /// A group that is shut down before the acceptor starts.
    @Test func aLoopThatWasShutDownBefore() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let acceptor = try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0", initializer: Greeter.initializer())
        try await group.shutdownGracefully()
        let clients = try acceptor.clients(10)
        await #expect { try await acceptor.run() } throws: { ($0 as? ServerError)?.code == .stopped }
        for client in clients { #expect(try await client.readToEnd() == nil) }
        acceptor.expectBalance()
    }

    @Test func aDrainOfALoopThatWasShutDownEnds() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let acceptor = try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0", initializer: Greeter.initializer())
        try await acceptor.start()
        try await group.shutdownGracefully()
        #expect(await acceptor.drain(within: .seconds(60)) == 0)
        acceptor.expectBalance()
    }

    /// A stop does not wait for an initializer; its channel is closed when that comes to an end.
    @Test func anInitializerThatTakesLongIsNotWaitedFor() async throws {
        try await withLoops { group in
            let held = group.next().makePromise(of: Void.self)
            let acceptor = try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0") { _ in held.futureResult }
            try await acceptor.start()
            let client = try acceptor.client()
            await acceptor.wait { $0.accepted == 1 }
            await acceptor.stop()
            #expect(acceptor.counters.opened == 0)
            held.succeed()
            #expect(try await client.readToEnd() == "")
            await acceptor.wait { $0.closed == 1 }
            acceptor.expectBalance()
        }
    }

    /// What the loop is given after its channels were closed is reset.
    @Test func whatComesAfterTheClosingIsAbandoned() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer()
            )
            try await acceptor.start()
            acceptor.intakes[0].quiesce(within: .zero)
            // Behind the quiescing, and then behind the closing that it has scheduled.
            try await group.next().submit {}.get()
            try await group.next().scheduleTask(in: .nanoseconds(1)) {}.futureResult.get()
            #expect(try await acceptor.client().readToEnd() == nil)
            await acceptor.stop()
            #expect(acceptor.counters.abandoned == 1)
            acceptor.expectBalance()
        }
    }

    /// A drain does: the channel may still serve its client.
    @Test func aDrainWaitsForAnInitializer() async throws {
        try await withLoops { group in
            let held = group.next().makePromise(of: Void.self)
            let acceptor = try NIOAcceptor(group: group, listeningOn: "127.0.0.1:0") { _ in held.futureResult }
            try await acceptor.start()
            let client = try acceptor.client()
            await acceptor.wait { $0.accepted == 1 }
            acceptor.requestDrain(within: .seconds(60))
            _ = await acceptor.servers.waitForEnd()
            // Behind what the server had its loop do in the end.
            try await group.next().submit {}.get()
            #expect(acceptor.intakes[0].end.value == nil)
            held.succeed()
            client.finish()
            #expect(await acceptor.drain(within: .seconds(60)) == 0)
            #expect(try await client.readToEnd() == "")
            #expect(acceptor.counters.opened == 1)
            acceptor.expectBalance()
        }
    }

    @Test func clientsThatHaveLeftCostNothing() async throws {
        try await withLoops { group in
            let acceptor = try NIOAcceptor(
                group: group,
                listeningOn: "127.0.0.1:0",
                initializer: Greeter.initializer()
            )
            for _ in 0..<20 { try Client(acceptor.addresses[0]).reset() }
            try await acceptor.start()
            #expect(try await acceptor.client().readToEnd() == "hello\n")
            #expect(await acceptor.drain(within: .seconds(60)) == 0)
            acceptor.expectBalance()
            #expect(acceptor.counters.accepted == 21)
        }
    }

    /// `ENOSPC` at `/proc/sys/fs/epoll/max_user_watches` would end the process in NIO.
    @Test(arguments: [ENOSPC, ENOMEM]) func whoCannotBeWatchedIsReset(_ error: Int32) async throws {
        try await withLoops { group in
            let number = Tally()
            let probe = WatchProbe { _ in number.add(1) % 3 == 0 ? error : 0 }
            // One at a time, so that a place that is not given back keeps all others waiting.
            let part = try LoopParts(group, 1).loops[0]
            let acceptor = try NIOAcceptor(
                listeningOn: ["127.0.0.1:0"],
                options: ServerOptions(),
                intakes: [LoopIntake(part, part.bootstrap, probe: probe, initializer: Greeter.initializer())]
            )
            try await acceptor.start()
            var ends: [String?] = []
            for _ in 0..<9 { ends.append(try await acceptor.client().readToEnd()) }
            await acceptor.stop()
            #expect(ends == ["hello\n", "hello\n", nil, "hello\n", "hello\n", nil, "hello\n", "hello\n", nil])
            #expect(acceptor.counters.refused == 3)
            acceptor.expectBalance()
        }
    }

    /// What the kernel says of a descriptor that is watched, let go, and watched again.
    @Test func aProbeLetsGoOfWhatItWatched() throws {
        let probe = try #require(WatchProbe.ofKernel)
        var pair: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        defer { for descriptor in pair { close(descriptor) } }
        for _ in 0..<3 { #expect(probe.error(for: pair[0]) == 0) }
        #expect(probe.error(for: 1 << 20) == EBADF)
        #expect(probe.canWatch(1 << 20))
    }
}
