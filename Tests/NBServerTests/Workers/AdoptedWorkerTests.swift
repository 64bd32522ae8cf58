import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Connections that come with their workers, or are given away, on the real kernel.
@Suite struct AdoptedWorkerTests {
    /// Sends back what comes, and says where it came from.
    private struct Echo: ConnectionWorker, ~Copyable {
        let origins: Record<String>
        var greets = false

        mutating func connected(_ connection: borrowing WorkerConnection<Self>) {
            origins.append("\(connection.origin)")
            if greets { connection.send("hi ") }
        }

        mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(bytes)
        }

        consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
            origins.append("\(reason)".prefix { $0 != ":" } + "")
        }
    }

    private func options(_ engine: EngineChoice) -> ServerOptions {
        ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
    }

    /// The behavior is not asked, and the unread bytes come first.
    @Test(arguments: EngineChoice.granted)
    func anAdoptedConnectionComesWithItsWorker(on engine: EngineChoice) async throws {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, _ in
            clerk.total += 1
            return .continue
        }
        try await clerk.serve(options: options(engine)) { server in
            let origins = Record<String>()
            let pair = SocketPair()
            let connection = try DetachedConnection(adopting: pair.end, unread: Array("He".utf8))
            try server.adopt(connection, for: Echo(origins: origins, greets: true))
            #expect(pair.send("llo"))
            pair.finish()
            #expect(pair.readToEnd() == "hi Hello")
            while try await server.status().counters.open > 0 {}
            let counters = try await server.status().counters
            #expect(counters.adopted == 1 && counters.delivered == 1 && counters.accepted == 0 && counters.ended == 1)
            #expect(try await server.withState { $0.total } == 0)
            #expect(origins.entries == ["adopted", "closed"])
            #expect(throws: CastError.self) { try server.adopt(connection, for: Echo(origins: origins)) }
            #expect(throws: CastError.self) { try server.adopt(connection) }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aCallbackAdoptsWithAWorkerAndWithout(on engine: EngineChoice) async throws {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            clerk.seen.append("\(connection.origin)")
            connection.send("yours")
            return .continue
        }
        try await clerk.serve(options: options(engine)) { server in
            let (origins, first, second) = (Record<String>(), SocketPair(), SocketPair())
            let (one, other) = (
                try DetachedConnection(adopting: first.end), try DetachedConnection(adopting: second.end)
            )
            let refusals = try await server.request(within: nil) { context in
                var refusals: [String] = []
                func attempt(_ body: () throws -> Void) { do { try body() } catch { refusals.append("\(error)") } }
                attempt { try context.adopt(one) }
                attempt { try context.adopt(one) }
                attempt { try context.adopt(other, for: Echo(origins: origins)) }
                attempt { try context.adopt(other, for: Echo(origins: origins)) }
                return refusals
            }
            #expect(refusals == Array(repeating: "\(CastError.connectionTaken)", count: 2))
            #expect(first.readToEnd() == "yours")
            #expect(second.send("echo"))
            second.finish()
            #expect(second.readToEnd() == "echo")
            #expect(try await server.withState { $0.seen } == ["adopted"])
        }
    }

    /// The connection ends, and the worker hears why.
    @Test func anOptionThatIsOutOfItsRangeEndsAnAdoptedConnection() async throws {
        let failures = Record<String>()
        var clerk = Clerk()
        clerk.onInfo = { _, info, _ in
            if case .connectionFailed(_, let error as ServerError) = info { failures.append("\(error.code)") }
            return .continue
        }
        try await clerk.serve { server in
            let (origins, pair) = (Record<String>(), SocketPair())
            let connection = try DetachedConnection(adopting: pair.end)
            try server.adopt(connection, for: Echo(origins: origins), options: WorkerOptions(frameLimit: 0))
            #expect(pair.readToEnd() == "")
            while try await server.status().counters.open > 0 {}
            #expect(try await server.status().counters.failed == 1)
            #expect(origins.entries.last == "failed")
            while failures.entries.isEmpty { await Task.yield() }
            #expect(failures.entries == ["invalidOption"])
        }
    }

    /// The connection stays the caller's, who can give it to another server.
    @Test func aServerThatHasStoppedLeavesTheConnectionToItsCaller() async throws {
        let stopped = try Server(Clerk(), listening: [])
        try await stopped.start()
        await stopped.stop()
        let (origins, pair) = (Record<String>(), SocketPair())
        let connection = try DetachedConnection(adopting: pair.end)
        #expect(throws: CastError.self) { try stopped.adopt(connection, for: Echo(origins: origins)) }
        #expect(throws: CastError.self) { try stopped.adopt(connection) }
        #expect(!pair.isEndClosed)
        try await Clerk().serve { server in
            try server.adopt(connection, for: Echo(origins: origins))
            #expect(pair.send("once"))
            pair.finish()
            #expect(pair.readToEnd() == "once")
        }
        #expect(origins.entries == ["adopted", "closed"])
    }

    /// The server has the connection already, and fails before it is delivered.
    @Test(arguments: EngineChoice.granted)
    func aConnectionOfAServerThatDoesNotBeginIsClosed(on engine: EngineChoice) throws {
        let pair = SocketPair()
        let connection = try DetachedConnection(adopting: pair.end)
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            try context.adopt(connection)
            throw Clerk.Trouble()
        }
        let server = try Server(clerk, listening: [], options: options(engine))
        #expect(throws: ServerError.self) { try server.startBlocking() }
        #expect(pair.isEndClosed)
    }

    /// Without listeners and connections there is nothing else that the end would wait for.
    @Test(arguments: EngineChoice.granted)
    func aConnectionThatComesWithTheEndIsReset(on engine: EngineChoice) throws {
        let listener = try ListenSocket(.unshared, options: [])
        let client = try Client(listener.address)
        let connection = try DetachedConnection(adopting: accept(listener.descriptor, nil, nil))
        var clerk = Clerk()
        clerk.onEnd = { _, _, context in try? context.adopt(connection) }
        let server = try Server(clerk, listening: [], options: options(engine))
        let embedded = try server.embed()
        server.requestStop()
        var end: StopReason?
        while end == nil { if case .done(let reason) = embedded.turn() { end = reason } }
        #expect(end?.description == "stop requested")
        #expect(try client.readToEnd() == .reset)
    }

    /// Its message is dropped with the server.
    @Test func aConnectionForAServerThatNeverRunsIsClosedWithIt() throws {
        let (origins, pair) = (Record<String>(), SocketPair())
        do {
            let server = try Server(Clerk(), listening: [])
            try server.adopt(try DetachedConnection(adopting: pair.end), for: Echo(origins: origins))
            #expect(!pair.isEndClosed)
        }
        #expect(pair.isEndClosed)
        #expect(origins.entries.isEmpty)
    }

    /// Both kinds of connection: where they come from, and what is set on their sockets.
    @Test(arguments: EngineChoice.granted)
    func socketOptionsAreSetOnConnections(on engine: EngineChoice) async throws {
        struct Setter: ConnectionWorker {
            let admin: ListenerID?

            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}

            func connected(_ connection: borrowing WorkerConnection<Self>) throws {
                try connection.set(.receiveBuffer(4096))
                let size = connection.withDescriptor { descriptor in
                    var (value, length) = (Int32(0), socklen_t(4))
                    getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &value, &length)
                    return value
                }
                connection.send("\(size ?? -1) \(connection.origin == admin.map { .listener($0) })")
                connection.close()
                #expect(connection.withDescriptor { $0 } == nil)
                let error = #expect(throws: ServerError.self) { try connection.set(.noDelay(true)) }
                #expect(error?.code == .connectionEnded)
            }
        }
        let admin = Record<ListenerID>()
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            for option: SocketOption in [.backlog(1), .reusePort(true), .ipv6Only(true), .deferAccept(.seconds(1))] {
                let error = #expect(throws: ServerError.self) { try connection.set(option) }
                #expect(error?.code == .invalidOption)
            }
            let refused = #expect(throws: ServerError.self) { try connection.set(.congestionControl("none such")) }
            #expect(refused?.code == .socket)
            let range = #expect(throws: ServerError.self) { try connection.set(.sendBuffer(-1)) }
            #expect(range?.code == .invalidOption)
            try connection.set(.noDelay(false))
            let noDelay = connection.withDescriptor { descriptor in
                var (value, length) = (Int32(-1), socklen_t(4))
                getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
                return value
            }
            #expect(noDelay == 0)
            context.assign(connection, to: Setter(admin: admin.entries.first))
            return .continue
        }
        try await clerk.serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            let listener = try await server.addListener(on: "127.0.0.1:0")
            admin.append(listener.id)
            let byAdmin = try Client(listener.address).readToEnd()
            #expect(byAdmin == .end("8192 true"))
            #expect(try Client(server.addresses[0]).readToEnd() == .end("8192 false"))
        }
    }

    /// A close by the server does not wait for the peer, though the connection was given an option that makes a close wait.
    @Test(arguments: EngineChoice.granted)
    func aLingerOptionOfAConnectionDoesNotMakeTheServerWait(on engine: EngineChoice) async throws {
        var clerk = Clerk()
        clerk.onConnection = { _, connection, _ in
            try connection.set(.linger(.seconds(3600)))
            connection.send([UInt8](repeating: 65, count: 8 << 20))
            connection.reset()
            return .continue
        }
        try await clerk.serve(listening: ["127.0.0.1:0"], options: options(engine)) { server in
            let ending = try Client(server.addresses[0]).readToEnd()
            #expect(ending == .reset)
            #expect(try await server.status(within: .seconds(60)).counters.delivered == 1)
        }
    }
}
