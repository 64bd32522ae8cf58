// A client that says lines and reads lines.

@preconcurrency import Glibc

/// Owns a connection, on which a person could be.
struct Dialog: ~Copyable {
    private let socket: Int32
    private var unread: [UInt8] = []

    init(with address: Address) throws {
        socket = Glibc.socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let socket = socket
        guard try address.withSocketAddress({ connect(socket, $0, $1) }) == 0 else { throw Failure(call: "connect") }
    }

    deinit { close(socket) }

    func say(_ text: String) throws {
        try say(Array(text.utf8))
    }

    func say(_ bytes: [UInt8]) throws {
        guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw Failure(call: "send") }
    }

    func endOutput() {
        shutdown(socket, Int32(SHUT_WR))
    }

    /// The next line, without its end; `nil` at the end of the stream.
    mutating func line() throws -> String? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeFirst(end + 1) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            guard try readMore() else { return nil }
        }
    }

    /// Says a line and returns the next of the other side.
    mutating func ask(_ question: String) throws -> String? {
        try say(question + "\n")
        return try line()
    }

    /// Everything to the end.
    mutating func rest() throws -> String {
        while try readMore() {}
        return String(decoding: unread, as: UTF8.self)
    }

    private mutating func readMore() throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Failure(call: "recv") }
        unread += bytes[..<count]
        return count > 0
    }
}
