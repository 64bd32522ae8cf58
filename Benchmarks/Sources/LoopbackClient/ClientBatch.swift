import Glibc
import Measuring

/// Client connections to one server, opened one after another and closed together.
///
/// They are closed with a reset, so that none is left in TIME_WAIT and the ephemeral ports never run out.
package struct ClientBatch: ~Copyable {
    package static let greeting = "No soup for you!\n"

    private static let patience = timeval(tv_sec: 5, tv_usec: 0)

    private let server: Endpoint
    private var sockets: [Int32] = []

    package init(to server: Endpoint) {
        self.server = server
    }

    deinit {
        for socket in sockets { close(socket) }
    }

    package mutating func open(_ count: Int) throws {
        for number in 1...count {
            let socket = try makeSocket()
            sockets.append(socket)
            guard server.withSocketAddress({ connect(socket, $0, $1) }) == 0 else {
                throw Failure(call: "connection \(number) of \(count) to \(server)")
            }
        }
    }

    /// Opens long-lived connections, no more at a time than a queue holds: each is served before the next step.
    package mutating func open(inStepsTo count: Int, _ message: [UInt8]) throws {
        while sockets.count < count {
            var step = ClientBatch(to: server)
            try step.open(min(500, count - sockets.count))
            try step.say(message)
            try step.expect(message)
            sockets += step.sockets
            step.sockets = []
        }
    }

    /// Sends the same bytes on every connection.
    package func say(_ bytes: [UInt8]) throws {
        for socket in sockets {
            guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
                throw Failure(call: "send to \(server)")
            }
        }
    }

    /// Reads as many bytes on every connection, and fails unless they are these.
    package func expect(_ bytes: [UInt8]) throws {
        var received = [UInt8](repeating: 0, count: bytes.count)
        for socket in sockets {
            guard recv(socket, &received, received.count, Int32(MSG_WAITALL)) == bytes.count else {
                throw Failure(call: "recv from \(server)")
            }
            guard received == bytes else { throw Failure("\(server) has not sent back what it was sent") }
        }
    }

    /// Reads every connection to its end, and fails unless that is exactly these bytes.
    package func expectToEnd(_ bytes: [UInt8]) throws {
        try expect(bytes)
        var byte: UInt8 = 0
        for socket in sockets where recv(socket, &byte, 1, 0) != 0 {
            throw Failure(call: "recv from \(server), waiting for its end")
        }
    }

    /// Waits until the server has closed the connection opened last.
    ///
    /// It is the only one waited for: the server pays for waking a client, and would pay per connection.
    package func waitUntilLastIsClosed() throws {
        guard let last = sockets.last else { return }
        // POLLRDHUP, which the Glibc module leaves out: unlike POLLIN, the greeting does not wake it.
        let peerHasClosed: Int16 = 0x2000
        var interest = pollfd(fd: last, events: peerHasClosed, revents: 0)
        guard poll(&interest, 1, Int32(Self.patience.tv_sec) * 1000) == 1 else {
            throw Failure("the last of \(sockets.count) connections to \(server) was not closed in time")
        }
    }

    /// Reads every connection to its end, and fails unless that is exactly the greeting.
    package func expectGreetings() throws {
        for index in sockets.indices { try expectGreeting(index) }
    }

    /// The same for connections to a server that stops: each may also be reset, before the first byte.
    ///
    /// - Returns: how many got the greeting.
    package func expectGreetingsOrResets() throws -> Int {
        var count = 0
        for (index, socket) in sockets.enumerated() {
            var byte: UInt8 = 0
            if recv(socket, &byte, 1, Int32(MSG_PEEK)) < 0 && errno == ECONNRESET { continue }
            try expectGreeting(index)
            count += 1
        }
        return count
    }

    private func expectGreeting(_ index: Int) throws {
        let place = "connection \(index + 1) of \(sockets.count) to \(server)"
        let received = try Self.readToEnd(sockets[index], place)
        guard received.elementsEqual(Self.greeting.utf8) else {
            let text = String(decoding: received, as: UTF8.self)
            throw Failure("\(place) received \(text.debugDescription), not \(Self.greeting.debugDescription)")
        }
    }

    private static func readToEnd(_ socket: Int32, _ place: String) throws -> [UInt8] {
        var received: [UInt8] = []
        // Enough to show what a server says that does not stop at the greeting.
        while received.count <= 2 * greeting.utf8.count {
            let chunk = try [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
                let result = recv(socket, buffer.baseAddress, buffer.count, 0)
                guard result >= 0 else { throw Failure(call: "\(place), reading after \(received.count) bytes") }
                count = result
            }
            guard !chunk.isEmpty else { break }
            received += chunk
        }
        return received
    }

    private func makeSocket() throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket") }
        try Self.set(SO_LINGER, of: socket, to: linger(l_onoff: 1, l_linger: 0))
        try Self.set(SO_SNDTIMEO, of: socket, to: Self.patience)
        try Self.set(SO_RCVTIMEO, of: socket, to: Self.patience)
        return socket
    }

    private static func set<Value: BitwiseCopyable>(_ option: Int32, of socket: Int32, to value: Value) throws {
        let result = withUnsafePointer(to: value) {
            setsockopt(socket, SOL_SOCKET, option, $0, socklen_t(MemoryLayout<Value>.size))
        }
        guard result == 0 else { throw Failure(call: "setsockopt") }
    }
}
