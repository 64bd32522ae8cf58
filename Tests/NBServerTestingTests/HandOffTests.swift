import NBLibc
import NBServer
import NBServerTesting
import Testing

/// Connections that come from elsewhere, and that leave their server.
@Suite struct HandOffTests {
    /// Detaches each connection when it has sent its first words, and keeps the connection.
    private struct Porter: NonBlockingServer {
        final class Lobby {
            var detached: [Result<DetachedConnection, ServerError>] = []
        }

        enum Call {
            case origin(Caller<String>)
        }
        enum Cast: Sendable {
            case adopt(DetachedConnection)
        }

        nonisolated(unsafe) let lobby: Lobby
        private var origin = ""

        init(_ lobby: Lobby) {
            self.lobby = lobby
        }

        mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict
        {
            origin = "\(connection.origin)"
            connection.send("this way\n")
            connection.detach { [lobby] in lobby.detached.append($0) }
            return .continue
        }

        func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
            switch call {
            case .origin(let caller): caller.reply(origin)
            }
            return .continue
        }

        func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict {
            switch cast {
            case .adopt(let connection): try context.adopt(connection, for: Echo())
            }
            return .continue
        }
    }

    /// Bytes that were received before come first.
    @Test func aConnectionFromElsewhereIsAdopted() throws {
        let server = try TestServer { _ in Echo() }
        let peer = try SocketAddress("192.0.2.7:1234")
        let (client, connection) = server.detachedConnection(from: peer, unread: Array("one ".utf8))
        #expect(client.isDetached && client.address == peer)
        client.send("two ")
        try server.server.adopt(connection)
        server.turn()
        client.send("three")
        #expect(client.receiveText() == "one two three")
        #expect(!client.isDetached && server.openConnections == 1)
        #expect(try server.status().counters.adopted == 1)
        #expect(throws: CastError.self) { try server.server.adopt(connection) }
        client.finish()
        #expect(client.ending == .end && server.openConnections == 0)
    }

    @Test func aBehaviorAdoptsWithAWorker() throws {
        let server = try TestServer(Porter(Porter.Lobby()))
        let (client, connection) = server.detachedConnection()
        try server.cast(.adopt(connection))
        client.send("hello")
        #expect(client.receiveText() == "hello")
        server.advance(by: .seconds(30))
        #expect(client.ending == .end)
    }

    /// It is out: its client is neither served nor ended, until the owner closes it.
    @Test func aDetachedConnectionIsItsReceiversAndIsClosedWithIt() throws {
        let lobby = Porter.Lobby()
        let server = try TestServer(Porter(lobby))
        let client = server.connect()
        #expect(client.receiveText() == "this way\n")
        #expect(client.isDetached && client.ending == nil)
        #expect(server.openConnections == 0)
        server.stop()
        #expect(client.isDetached && client.ending == nil)
        lobby.detached = []
        #expect(!client.isDetached && client.ending == .end)
    }

    @Test func aTakenConnectionStaysOpen() throws {
        let lobby = Porter.Lobby()
        let server = try TestServer(Porter(lobby))
        let client = server.connect()
        let connection = try #require(lobby.detached.first).get()
        let (descriptor, unread) = try #require(connection.take())
        #expect(descriptor >= 1 << 30 && unread == [])
        lobby.detached = []
        #expect(client.isDetached && client.ending == nil)
    }

    /// Nothing is lost on the way, neither what was said before nor what is said meanwhile.
    @Test func aConnectionGoesFromServerToServer() throws {
        let lobby = Porter.Lobby()
        let (porter, echo) = (try TestServer(Porter(lobby)), try TestServer { _ in Echo() })
        let client = porter.connect()
        client.send("hello ")
        #expect(client.receiveText() == "this way\n")
        try echo.server.adopt(try #require(lobby.detached.first).get())
        client.send("again ")
        echo.turn()
        client.send("and again")
        #expect(client.receiveText() == "hello again and again")
        porter.stop()
        #expect(client.ending == nil)
        #expect((porter.openConnections, echo.openConnections) == (0, 1))
        echo.stop()
        #expect(client.ending == .end)
    }

    /// It is told, and there is nothing to own.
    @Test func aReceiverHearsOfAClientThatIsGone() throws {
        let lobby = Porter.Lobby()
        let server = try TestServer(Porter(lobby))
        server.fail(.send, with: 104)
        #expect(server.connect().ending == .reset)
        #expect(throws: ServerError.self) { try lobby.detached.first?.get() }
        #expect(server.openConnections == 0)
    }

    @Test func anAdoptedConnectionSaysSo() throws {
        let lobby = Porter.Lobby()
        let server = try TestServer(Porter(lobby))
        try server.server.adopt(server.detachedConnection().connection)
        server.turn()
        #expect(try server.call(Porter.Call.origin) == "adopted")
        #expect(lobby.detached.count == 1)
    }

    /// A socket of the kernel's is nothing for a server in memory, and the other way round: the process ends, and says what to do.
    @Test func socketsOfAnotherKernelAreRefused() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            var ends: [Int32] = [0, 0]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
            let server = try TestServer { _ in Echo() }
            try server.server.adopt(DetachedConnection(adopting: ends[0]))
            server.turn()
        }
        Self.expect(result, tells: "have detachedConnection(from:) make one")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let server = try Server(listening: []) { _ in Echo() }
            try server.adopt(TestServer { _ in Echo() }.detachedConnection().connection)
            try server.embed().turn()
        }
        Self.expect(result, tells: "give it to a TestServer")
    }

    private static func expect(_ result: ExitTest.Result?, tells words: String) {
        let told = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(told.contains(words), "\(told)")
    }
}
