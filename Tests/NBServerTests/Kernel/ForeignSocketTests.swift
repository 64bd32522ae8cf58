import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Descriptors that come from elsewhere: which of them are connections, and how those that are not TCP are served. On the
/// real kernel.
@Suite struct ForeignSocketTests {
    /// Something that a program might give to a server by mistake.
    enum Mistake: CaseIterable {
        case negative, closed, file, pipe, datagram, packets, unconnected, listening, unixListening

        /// A descriptor of the caller's.
        func make() -> Int32 {
            switch self {
            case .negative: return -1
            // No process has that many descriptors.
            case .closed: return .max
            case .file: return open("/dev/null", O_RDWR)
            case .pipe:
                var ends: [Int32] = [-1, -1]
                Glibc.pipe(&ends)
                close(ends[1])
                return ends[0]
            case .datagram: return socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            case .packets:
                var ends: [Int32] = [-1, -1]
                socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends)
                close(ends[1])
                return ends[0]
            case .unconnected: return socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
            case .listening, .unixListening:
                // The kernel gives each an address of its own.
                let family = self == .listening ? AF_INET : AF_UNIX
                let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
                var name = sockaddr(sa_family: sa_family_t(family), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
                let length = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sa_family_t>.size
                bind(descriptor, &name, socklen_t(length))
                listen(descriptor, 1)
                return descriptor
            }
        }

        var fault: (errno: Int32?, cure: String) {
            switch self {
            case .negative, .closed: (EBADF, "no descriptor of this process has that number")
            case .file, .pipe: (ENOTSOCK, "it is not a socket")
            case .datagram, .packets: (nil, "it is not a stream socket")
            case .unconnected: (ENOTCONN, "it is not connected")
            case .listening, .unixListening: (nil, "the socket listens")
            }
        }
    }

    @Test(arguments: Mistake.allCases)
    func whatIsNoConnectionIsAnErrorAndStaysTheCallers(mistake: Mistake) {
        let descriptor = mistake.make()
        let flags = [fcntl(descriptor, F_GETFD), fcntl(descriptor, F_GETFL)]
        let error = #expect(throws: ServerError.self) { _ = try DetachedConnection(adopting: descriptor) }
        #expect(error?.code == .socket)
        #expect(error?.operation == "adopt descriptor \(descriptor)")
        #expect(error?.errno == mistake.fault.errno)
        #expect(error?.cure.hasPrefix(mistake.fault.cure) == true, "\(error?.cure ?? "")")
        #expect([fcntl(descriptor, F_GETFD), fcntl(descriptor, F_GETFL)] == flags)
        #expect(close(descriptor) == (mistake.fault.errno == EBADF ? -1 : 0))
    }

    @Test func aConnectionThatWasResetIsRefused() throws {
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        let client = try Client(socket.address)
        let accepted = accept(socket.descriptor, nil, nil)
        try #require(accepted >= 0)
        defer { close(accepted) }
        #expect(ForeignSocket.isPlainTCP(accepted))
        // Any other would be as good: a connection to nowhere is what a reset makes of one.
        var nowhere = sockaddr()
        #expect(connect(client.descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)) == 0)
        let error = #expect(throws: ServerError.self) { _ = try DetachedConnection(adopting: accepted) }
        #expect(error?.errno == ENOTCONN)
    }

    @Test func anAdoptedSocketNeitherBlocksNorIsInherited() throws {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        defer { for end in ends { close(end) } }
        #expect(!ForeignSocket.isPlainTCP(ends[0]))
        let descriptor = try #require(try DetachedConnection(adopting: ends[0]).take()).descriptor
        #expect(descriptor == ends[0])
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
    }

    private struct Echo: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(bytes)
            connection.receive()
        }
    }

    private struct EchoServer: NonBlockingServer {
        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
    }

    /// Answers without listening to anybody, or resets.
    private struct Deaf: NonBlockingServer {
        let resets: Bool

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            if resets { connection.reset() } else { connection.send("No soup for you!\n") }
            return .continue
        }
    }

    /// Tells each connection its addresses.
    private struct Teller: NonBlockingServer {
        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            let addresses = [connection.peerAddress, connection.localAddress]
            connection.send(addresses.map { $0?.description ?? "none" }.joined(separator: " "))
            return .continue
        }
    }

    private func options(_ engine: EngineChoice) -> ServerOptions {
        ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
    }

    @Test(arguments: EngineChoice.granted)
    func aUnixSocketIsServed(on engine: EngineChoice) async throws {
        let server = try Server(EchoServer(), listening: [], options: options(engine))
        try await server.start()
        let pair = SocketPair()
        try server.adopt(try DetachedConnection(adopting: pair.end, unread: Array("He".utf8)))
        #expect(pair.send("llo"))
        pair.finish()
        #expect(pair.readToEnd() == "Hello")
        #expect(pair.isEndClosed)
        await server.stop()
    }

    /// Closing a Unix socket over unread input resets it as it does with TCP; what the server discards it has read.
    @Test(arguments: EngineChoice.granted)
    func aUnixSocketThatSpokeUnheardGetsItsAnswerAndAnEnd(on engine: EngineChoice) async throws {
        let server = try Server(Deaf(resets: false), listening: [], options: options(engine))
        try await server.start()
        let pair = SocketPair()
        #expect(pair.send(String(repeating: "x", count: 100_000)))
        pair.finish()
        try server.adopt(try DetachedConnection(adopting: pair.end))
        #expect(pair.readToEnd() == "No soup for you!\n")
        #expect(pair.isEndClosed)
        await server.stop()
    }

    @Test(arguments: EngineChoice.granted)
    func aUnixSocketsPeerHasAUnixAddress(on engine: EngineChoice) async throws {
        let server = try Server(Teller(), listening: [], options: options(engine))
        try await server.start()
        let pair = SocketPair()
        try server.adopt(try DetachedConnection(adopting: pair.end))
        #expect(pair.readToEnd() == "unix: unix:")
        await server.stop()
    }

    /// The kernel has no reset for it.
    @Test(arguments: EngineChoice.granted)
    func aResetOfAUnixSocketIsAnEnd(on engine: EngineChoice) async throws {
        let server = try Server(Deaf(resets: true), listening: [], options: options(engine))
        try await server.start()
        let pair = SocketPair()
        try server.adopt(try DetachedConnection(adopting: pair.end))
        #expect(pair.readToEnd() == "")
        #expect(pair.isEndClosed)
        await server.stop()
    }
}
