import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Connections that a server keeps and watches, on the real kernel: whether the end of their peers is told, once.
@Suite struct KeptPeerTests {
    /// What a client does.
    enum Farewell: String, CaseIterable {
        case ends, resets
    }

    private func options(_ engine: EngineChoice) -> ServerOptions {
        ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
    }

    /// A behavior that keeps what comes, and answers the next caller when a connection is lost.
    private func keeper(watchingPeer: Bool) -> Clerk {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            clerk.kept.append(context.keep(connection, watchingPeer: watchingPeer))
            return .continue
        }
        clerk.onInfo = { clerk, info, _ in
            guard case .connectionLost(let id) = info, clerk.kept.contains(id) else { return .continue }
            clerk.total += 1
            for caller in clerk.callers { caller.reply(clerk.total) }
            clerk.callers = []
            return .continue
        }
        return clerk
    }

    private func waitUntilKept(_ count: Int, by server: Server<Clerk>) async throws {
        while try await server.withState({ $0.kept.count }) < count {}
    }

    /// How many connections were lost, when at least one was.
    private func losses(of server: Server<Clerk>) async throws -> Int {
        try await server.call(
            {
                .perform(
                    { clerk, caller, _ in
                        guard clerk.total == 0 else {
                            caller.reply(clerk.total)
                            return .continue
                        }
                        return clerk.keep(caller)
                    },
                    $0
                )
            },
            within: .seconds(60)
        )
    }

    @Test(arguments: EngineChoice.granted, Farewell.allCases)
    func theEndOfAWatchedPeerIsTold(on engine: EngineChoice, farewell: Farewell) async throws {
        try await keeper(watchingPeer: true).serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            var client: Client? = try Client(server.addresses[0])
            try await waitUntilKept(1, by: server)
            #expect(try await server.withState { $0.total } == 0)
            if farewell == .resets { client?.reset() } else { client?.finish() }
            if farewell == .ends { #expect(try client?.readToEnd() == .end("")) }
            client = nil
            #expect(try await losses(of: server) == 1)
            // The name means nothing any more.
            let id = try await server.withState { $0.kept[0] }
            let name = try await server.request(within: nil) { context in
                (try? context.take(id)) == nil ? "unknown" : "known"
            }
            #expect(name == "unknown")
        }
    }

    /// Its bytes are kept for a worker, and it is watched no more.
    @Test(arguments: EngineChoice.granted)
    func aWatchedPeerThatSpeaksIsHeardByTheWorkerThatGetsIt(on engine: EngineChoice) async throws {
        struct Echo: ConnectionWorker {
            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
                connection.send(bytes)
            }
        }
        try await keeper(watchingPeer: true).serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            let client = try Client(server.addresses[0])
            try client.send("hello")
            try await waitUntilKept(1, by: server)
            while try await server.status().counters.bytesReceived < 5 {}
            client.finish()
            let id = try await server.withState { $0.kept[0] }
            try await server.request(within: nil) { context in
                guard let connection = try? context.take(id) else { return }
                context.assign(connection, to: Echo())
            }
            #expect(try client.readToEnd() == .end("hello"))
            #expect(try await server.withState { $0.total } == 0)
        }
    }

    /// What the peer does while the behavior has the connection is noticed when it is kept again.
    @Test(arguments: EngineChoice.granted, Farewell.allCases)
    func aPeerThatEndsWhileItsConnectionIsOutIsToldWhenItIsKeptAgain(
        on engine: EngineChoice,
        farewell: Farewell
    ) async throws {
        try await keeper(watchingPeer: true).serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            var client: Client? = try Client(server.addresses[0])
            try await waitUntilKept(1, by: server)
            let id = try await server.withState { $0.kept[0] }
            let held = Held()
            try await server.request(within: nil) { context in held.connection = try? context.take(id) }
            if farewell == .resets { client?.reset() } else { client?.finish() }
            if farewell == .resets { client = nil }
            // The receive of before ends, and the connection stays.
            while try await server.request(within: nil, { _ in held.connection?.slot.pointee.isReceiving }) == true {}
            #expect(try await server.withState { $0.total } == 0)
            try await server.request(within: nil) { context in
                guard let connection = held.connection.take() else { return }
                #expect(context.keep(connection) == id)
            }
            #expect(try await losses(of: server) == 1)
        }
    }

    /// A connection that is dropped, reset or detached while it is watched ends as any other.
    @Test(arguments: EngineChoice.granted)
    func aWatchedConnectionEndsAsAnyOther(on engine: EngineChoice) async throws {
        try await keeper(watchingPeer: true).serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            let clients = try (0..<3).map { _ in try Client(server.addresses[0]) }
            try await waitUntilKept(3, by: server)
            let detached = Record<DetachedConnection>()
            let kept = try await server.withState { $0.kept }
            try await server.request(within: nil) { context in
                if let first = try? context.take(kept[0]) { first.send("bye") }
                if let second = try? context.take(kept[1]) { second.reset() }
                guard let third = try? context.take(kept[2]) else { return }
                third.detach { if case .success(let connection) = $0 { detached.append(connection) } }
            }
            while try await server.status().counters.open > 0 {}
            #expect(try clients[0].readToEnd() == .end("bye"))
            #expect(try clients[1].readToEnd() == .reset)
            let taken = try #require(detached.entries.first?.take())
            #expect(close(taken.descriptor) == 0)
            #expect(try clients[2].readToEnd() == .end(""))
            #expect(try await server.withState { $0.total } == 0)
        }
    }

    /// Without the option nothing is received, and nothing told.
    @Test(arguments: EngineChoice.granted)
    func aPeerThatIsNotWatchedIsNotTold(on engine: EngineChoice) async throws {
        try await keeper(watchingPeer: false).serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            let client = try Client(server.addresses[0])
            try await waitUntilKept(1, by: server)
            client.finish()
            // Whatever there is to be told of the first has been told when another was served.
            _ = try Client(server.addresses[0])
            try await waitUntilKept(2, by: server)
            #expect(try await server.withState { $0.total } == 0)
            #expect(try await server.status().counters.open == 2)
        }
    }

    /// Where a connection is between callbacks. Used on the server's thread only.
    private final class Held: @unchecked Sendable {
        var connection: Connection?
    }
}
