import NBServer
import NIOCore
import NIOPosix
import Testing

@testable import NBServerNIO

/// Connections as `NIOAsyncChannel`, each with a task.
@Suite(.timeLimit(.minutes(3))) struct AsyncAcceptorTests {
    private typealias Bytes = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func acceptor(
        _ group: MultiThreadedEventLoopGroup,
        maximumOpen: Int? = nil
    ) throws -> NIOAsyncAcceptor<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
        try NIOAsyncAcceptor(group: group, listeningOn: "127.0.0.1:0", maximumOpen: maximumOpen) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel(wrappingChannelSynchronously: channel)
            }
        }
    }

    /// Sends everything back.
    private static func echo(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async {
        try? await channel.executeThenClose { inbound, outbound in
            for try await bytes in inbound { try await outbound.write(bytes) }
        }
    }

    @Test func anEchoIsAFewLines() async throws {
        try await withLoops(2) { group in
            let acceptor = try acceptor(group)
            let run = Task { try await acceptor.run { await Self.echo($0) } }
            for number in 0..<50 {
                let client = Held(try Client(acceptor.addresses[0]))
                client.send("client \(number)")
                #expect(try await client.read() == Array("client \(number)".utf8))
                client.finish()
                #expect(try await client.read() == [])
            }
            acceptor.requestDrain(within: .seconds(60))
            try await run.value
            #expect(acceptor.counters.opened == 50)
            #expect(acceptor.counters.closed == 50)
        }
    }

    @Test func aCancellationClosesChannelsAndEndsHandlers() async throws {
        try await withLoops(2) { group in
            let acceptor = try acceptor(group)
            let ended = Tally()
            let run = Task {
                try await acceptor.run { channel in
                    await Self.echo(channel)
                    _ = ended.add(1)
                }
            }
            let clients = try (0..<10).map { _ in Held(try Client(acceptor.addresses[0])) }
            for client in clients {
                client.send("x")
                #expect(try await client.read() == Array("x".utf8))
            }
            run.cancel()
            try await run.value
            #expect(ended.value == 10)
            for client in clients { #expect(try await client.read() == []) }
            #expect(acceptor.counters.opened == acceptor.counters.closed)
        }
    }

    /// A handler that returns late does not count: its channel is closed.
    @Test func handlersHaveNoMoreOpenChannelsThanTheMaximum() async throws {
        try await withLoops { group in
            let acceptor = try acceptor(group, maximumOpen: 3)
            let most = Tally()
            let run = Task {
                try await acceptor.run { channel in
                    try? await channel.executeThenClose { inbound, outbound in
                        most.raise(to: Int(acceptor.counters.open))
                        for try await bytes in inbound { try await outbound.write(bytes) }
                    }
                }
            }
            let clients = try (0..<30).map { _ in Held(try Client(acceptor.addresses[0])) }
            for client in clients {
                client.send("x")
                #expect(try await client.read() == Array("x".utf8))
                client.finish()
                #expect(try await client.read() == [])
            }
            acceptor.requestDrain(within: .seconds(60))
            try await run.value
            #expect(acceptor.counters.opened == 30)
            #expect(most.value <= 3)
        }
    }

    /// What an initializer makes after a stop has a handler all the same: a channel of this kind must not be dropped.
    @Test func whatComesAfterAStopIsHandled() async throws {
        try await withLoops { group in
            let held = group.next().makePromise(of: Void.self)
            let handled = Tally()
            let acceptor = try NIOAsyncAcceptor(group: group, listeningOn: "127.0.0.1:0") { channel in
                held.futureResult.flatMapThrowing {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
            let run = Task {
                try await acceptor.run { channel in
                    await Self.echo(channel)
                    _ = handled.add(1)
                }
            }
            let client = Held(try Client(acceptor.addresses[0]))
            while acceptor.counters.accepted < 1 { await Task.yield() }
            run.cancel()
            try await run.value
            held.succeed()
            #expect(try await client.readToEnd() == "")
            while handled.value < 1 { await Task.yield() }
        }
    }

    @Test func aLoopThatWasShutDownIsAnError() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let acceptor = try acceptor(group)
        try await group.shutdownGracefully()
        let client = Held(try Client(acceptor.addresses[0]))
        await #expect { try await acceptor.run { await Self.echo($0) } } throws: {
            ($0 as? ServerError)?.code == .stopped
        }
        #expect(try await client.readToEnd() == nil)
    }

    /// What comes after the end goes to the late handler only.
    @Test func anOutputAfterTheEndIsHandledLate() async {
        let queue = OutputQueue<Int>()
        let late = Journal<Int>()
        queue.append(1)
        queue.finish { late.append($0) }
        queue.append(2)
        #expect(await queue.next() == 1)
        #expect(await queue.next() == nil)
        await late.wait { $0 == [2] }
    }
}
