internal import Glibc

/// The other end: opens connections to the server and reads what comes to the end of the stream.
///
/// It runs on the main thread, where it may allocate. What waits longer than ``patience`` fails.
struct Client {
    private static let patience = timeval(tv_sec: 10, tv_usec: 0)

    /// What it says.
    static let words = "Soup, please.\n"

    let port: UInt16
    let greeting: [UInt8]
    /// Whether it speaks before it is spoken to.
    let speaks: Bool

    func open() throws -> Int32 {
        let socket = try makeSocket()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafeBytes(of: address) {
            connect(
                socket,
                $0.assumingMemoryBound(to: sockaddr.self).baseAddress,
                socklen_t(MemoryLayout<sockaddr_in>.size)
            )
        }
        guard result == 0 else { throw Failure(call: "connect") }
        if speaks {
            let words = Array(Self.words.utf8)
            guard send(socket, words, words.count, 0) == words.count else { throw Failure(call: "send") }
        }
        return socket
    }

    /// Reads the greeting and the end of the stream, and closes.
    ///
    /// One that has spoken ends its side in good order, since that is what the server waits for. That leaves the server's
    /// end in TIME_WAIT; every server has a port of its own, so the client's ports suffice. Others leave nothing: they
    /// close with a reset.
    func finish(_ socket: Int32) throws {
        let received = try readToEnd(socket)
        guard received == greeting else {
            throw Failure("received \(received.count) bytes instead of the greeting's \(greeting.count)")
        }
        if speaks { shutdown(socket, Int32(SHUT_WR)) }
        close(socket)
    }

    func say(_ message: [UInt8], on socket: Int32) throws {
        guard send(socket, message, message.count, 0) == message.count else { throw Failure(call: "send") }
    }

    /// Expects the same message back.
    func hear(_ message: [UInt8], on socket: Int32) throws {
        var received = [UInt8](repeating: 0, count: message.count)
        guard recv(socket, &received, received.count, Int32(MSG_WAITALL)) == message.count else {
            throw Failure(call: "recv")
        }
        guard received == message else { throw Failure("received something else than what was said") }
    }

    private func readToEnd(_ socket: Int32) throws -> [UInt8] {
        var received: [UInt8] = []
        while true {
            let chunk = try [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
                let result = recv(socket, buffer.baseAddress, buffer.count, 0)
                guard result >= 0 else { throw Failure(call: "recv, after \(received.count) bytes") }
                count = result
            }
            guard !chunk.isEmpty else { return received }
            received += chunk
        }
    }

    private func makeSocket() throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket") }
        try set(SO_LINGER, of: socket, to: linger(l_onoff: 1, l_linger: 0))
        try set(SO_SNDTIMEO, of: socket, to: Self.patience)
        try set(SO_RCVTIMEO, of: socket, to: Self.patience)
        return socket
    }

    private func set<Value: BitwiseCopyable>(_ option: Int32, of socket: Int32, to value: Value) throws {
        let result = withUnsafePointer(to: value) {
            setsockopt(socket, SOL_SOCKET, option, $0, socklen_t(MemoryLayout<Value>.size))
        }
        guard result == 0 else { throw Failure(call: "setsockopt") }
    }
}
