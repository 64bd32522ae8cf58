import CNBServer
import Glibc
import GrantedLevels
import Testing

@testable import NBServer

/// A C program with one server: it knows nothing of that but nbserver.h.
///
/// It greets every client and closes, in its callbacks, and writes down what they were told. Turned or started, as a test likes.
final class CProgram: Sendable {
    struct Refused: Error {
        let code: Int
        let text: String
    }

    /// The host was to be woken, and was not.
    struct FellAsleep: Error {}

    static let greeting = "hello from C\n"

    /// What it was told of each connection.
    struct Taken: Sendable {
        let listener: UInt32
        /// Of the client, where it was asked for.
        let peer: SocketAddress?
    }

    let taken = Record<Taken>()
    let batchSizes = Record<Int>()
    let events = Record<Event>()
    /// Done in each callback for connections, with the server.
    private let onBatch: (@Sendable (OpaquePointer?) -> Void)?
    private let handle = Lock<UInt>(0)

    struct Event: Hashable, Sendable {
        let number: Int
        let text: String
    }

    /// The handle of its server.
    var server: OpaquePointer? { OpaquePointer(bitPattern: handle.withLock { $0 }) }

    /// Makes a server.
    ///
    /// - Parameters:
    ///   - engine: what it runs on.
    ///   - change: what is to differ from the options' defaults.
    ///   - onBatch: done in each callback for connections, when they are taken.
    /// - Throws: ``Refused``.
    init(
        on engine: EngineChoice,
        _ change: (inout nb_options) -> Void = { _ in },
        onBatch: (@Sendable (OpaquePointer?) -> Void)? = nil
    ) throws {
        self.onBatch = onBatch
        var options = Self.options(engine)
        options.context = Unmanaged.passUnretained(self).toOpaque()
        change(&options)
        var server: OpaquePointer?
        try Self.must(nb_server_make(&options, &server))
        handle.withLock { $0 = UInt(bitPattern: server) }
    }

    /// Options of a server that has a program.
    static func options(_ engine: EngineChoice) -> nb_options {
        var options = nb_options()
        options.size = MemoryLayout<nb_options>.size
        options.engine = UInt32(engine == .epoll ? NB_ENGINE_EPOLL : NB_ENGINE_RING)
        options.on_connections = { context, connections, count in
            CProgram.of(context).take(UnsafeBufferPointer(start: connections, count: count))
        }
        options.on_event = { context, event, text in
            guard let text else { return }
            CProgram.of(context).events.append(Event(number: Int(event), text: String(cString: text)))
        }
        return options
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> CProgram {
        // The context that was given with the callbacks.
        Unmanaged<CProgram>.fromOpaque(context!).takeUnretainedValue()
    }

    /// A result that is no error.
    @discardableResult
    static func must(_ result: Int32) throws -> Int {
        guard result >= 0 else { throw Refused(code: Int(result), text: String(cString: nb_last_error())) }
        return Int(result)
    }

    private func take(_ connections: UnsafeBufferPointer<nb_connection>) {
        for connection in connections {
            taken.append(Taken(listener: connection.listener, peer: Self.peer(of: connection)))
            _ = Self.greeting.withCString { send(connection.descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
            close(connection.descriptor)
        }
        batchSizes.append(connections.count)
        onBatch?(server)
    }

    private static func peer(of connection: nb_connection) -> SocketAddress? {
        guard let peer = connection.peer else { return nil }
        return SocketAddress.reading { address, length in
            UnsafeMutableRawPointer(address).copyMemory(from: peer, byteCount: connection.peer_length)
            length.pointee = socklen_t(connection.peer_length)
            return 0
        }
    }
}

// What a program calls.
extension CProgram {
    /// Listens, and returns where.
    func listen(on address: String = "127.0.0.1:0", expecting number: Int? = nil) throws -> SocketAddress {
        var bound = [CChar](repeating: 1, count: Int(NB_ADDRESS_SIZE))
        let result = try Self.must(nb_server_add_listener(server, address, &bound, bound.count))
        if let number { expect(result, is: number, "the listener's number") }
        let text = bound.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return try Endpoint(String(decoding: text, as: UTF8.self)).resolved()
    }

    /// Waits for the descriptor and makes a turn, whatever that returns.
    @discardableResult
    func turn(budget: Int) throws -> Int {
        let descriptor = try Self.must(nb_server_descriptor(server))
        guard isReadable(Int32(descriptor), within: 60_000) else { throw FellAsleep() }
        return try Self.must(nb_server_turn(server, budget))
    }

    /// Turns until something has come about.
    func turn(budget: Int = 64, until isDone: () throws -> Bool) throws {
        while try !isDone() { try turn(budget: budget) }
    }

    func turnUntilSilent() throws {
        while isReadable(nb_server_descriptor(server), within: 0) { try Self.must(nb_server_turn(server, 64)) }
    }

    func turnToTheEnd() throws {
        while try turn(budget: 64) != NB_DONE {}
    }

    var counters: nb_counters {
        var counters = nb_counters()
        counters.size = MemoryLayout<nb_counters>.size
        expect(nb_server_counters(server, &counters), is: 0, "nb_server_counters")
        return counters
    }

    func free() throws {
        try Self.must(nb_server_free(server))
    }

    private func isReadable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var count = poll(&polled, 1, milliseconds)
        while count < 0 && errno == EINTR { count = poll(&polled, 1, milliseconds) }
        return count == 1
    }
}
