import GrantedLevels
import Testing

@testable import NBServer
@testable import NBUring

/// Connections that are accepted by one server and served by another of the process.
@Suite struct HandOffTests {
    private struct Echo: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(bytes)
            connection.receive()
        }
    }

    private struct EchoServer: NonBlockingServer {
        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
    }

    /// Reads two bytes and gives the connection away.
    private struct Porter: ConnectionWorker {
        static let options = WorkerOptions(receiving: .manual)
        let other: Server<EchoServer>

        func connected(_ connection: borrowing WorkerConnection<Self>) { connection.receive(exactly: 2) }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send("got \(bytes.count), ")
            connection.handOff(to: other)
        }
    }

    private struct PorterServer: NonBlockingServer {
        let other: Server<EchoServer>
        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Porter {
            Porter(other: other)
        }
    }

    private struct Relay: NonBlockingServer {
        let other: Server<EchoServer>
        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            connection.handOff(to: other)
            return .continue
        }
    }

    private func options(_ engine: EngineChoice) -> ServerOptions {
        ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
    }

    @Test(arguments: EngineChoice.granted)
    func aConnectionIsServedByAnotherServer(on engine: EngineChoice) async throws {
        let echo = try Server(EchoServer(), listening: [], options: options(engine))
        try await echo.start()
        let relay = try Server(Relay(other: echo), listening: ["127.0.0.1:0"], options: options(engine))
        try await relay.start()
        let client = try Client(relay.addresses[0])
        try client.send("hello")
        client.finish()
        #expect(try client.readToEnd() == .end("hello"))
        let counters = try await echo.status().counters
        #expect(counters.adopted == 1)
        #expect(counters.delivered == 1)
        #expect(counters.accepted == 0)
        #expect(try await relay.status().counters.accepted == 1)
        await relay.stop()
        await echo.stop()
    }

    @Test(arguments: EngineChoice.granted)
    func whatWasReceivedAndNotDeliveredGoesAlong(on engine: EngineChoice) async throws {
        let echo = try Server(EchoServer(), listening: [], options: options(engine))
        try await echo.start()
        let porter = try Server(PorterServer(other: echo), listening: ["127.0.0.1:0"], options: options(engine))
        try await porter.start()
        let client = try Client(porter.addresses[0])
        try client.send("abcdef")
        client.finish()
        #expect(try client.readToEnd() == .end("got 2, cdef"))
        await porter.stop()
        await echo.stop()
    }

    @Test func aConnectionForAServerThatHasStoppedIsClosed() async throws {
        let echo = try Server(EchoServer(), listening: [])
        try await echo.start()
        await echo.stop()
        let relay = try Server(Relay(other: echo), listening: ["127.0.0.1:0"])
        try await relay.start()
        #expect(try Client(relay.addresses[0]).readToEnd() == .end(""))
        let pair = SocketPair()
        #expect(throws: CastError.self) { try echo.adopt(DetachedConnection(adopting: pair.end)) }
        #expect(pair.isEndClosed)
        await relay.stop()
    }
}
