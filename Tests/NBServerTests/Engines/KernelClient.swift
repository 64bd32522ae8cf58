import Glibc
import NBUring

/// A client of the kernel's, and the server's end of its connection. Closes both, unless an engine has closed the server's end.
///
/// Safe: its descriptors never change, and any thread may use them.
final class KernelClient: ConformanceClient, @unchecked Sendable {
    let server: Int32
    private let client: Int32
    /// Which socket the server's end is: another test of this process may get its number.
    private let identity: UInt

    init(_ client: Int32, _ server: Int32) {
        self.client = client
        self.server = server
        identity = Self.identity(of: server) ?? 0
        // As an engine's accept makes it.
        _ = fcntl(server, F_SETFL, O_NONBLOCK)
        _ = fcntl(server, F_SETFD, FD_CLOEXEC)
        _ = fcntl(client, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(client)
        closeServer()
    }

    private static func identity(of descriptor: Int32) -> UInt? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? UInt(status.st_ino) : nil
    }

    var isServerOpen: Bool { Self.identity(of: server) == identity }

    func closeServer() {
        if isServerOpen { close(server) }
    }

    func say(_ bytes: [UInt8]) { Self.send(bytes, to: client) }

    /// As urgent data. `tcp(7)`.
    func sayUrgently(_ byte: UInt8) {
        var byte = byte
        Glibc.send(client, &byte, 1, Int32(MSG_OOB | MSG_NOSIGNAL))
    }

    func speakAsServer(_ bytes: [UInt8]) { Self.send(bytes, to: server) }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 { rest = rest.dropFirst(count) }
            guard count > 0 || errno == EAGAIN || errno == EINTR,
                poll(descriptor, Int32(POLLOUT), limit: Patience.milliseconds)
            else { return }
        }
    }

    func awaitArrival(of count: Int) throws {
        try wait(Int32(POLLIN), "the arrival of \(count) bytes") {
            var arrived: Int32 = 0
            _ = ioctl(server, UInt(FIONREAD), &arrived)
            return arrived >= count
        }
    }

    func awaitArrivalOfEnd() throws {
        let POLLRDHUP: Int32 = 0x2000
        guard poll(server, POLLRDHUP, limit: Patience.milliseconds) else {
            throw NeverCame(event: "the end of a client")
        }
    }

    /// Asks again until it has come.
    private func wait(_ events: Int32, _ event: String, _ hasCome: () -> Bool) throws {
        let end = ContinuousClock.now + Patience.limit
        while !(poll(server, events, limit: 1) && hasCome()) {
            guard ContinuousClock.now < end else { throw NeverCame(event: event) }
        }
    }

    func read(upTo count: Int) -> [UInt8] { Self.read(client, upTo: count) }
    func readAsServer(upTo count: Int) -> [UInt8] { Self.read(server, upTo: count) }

    private static func read(_ descriptor: Int32, upTo count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result = recv(descriptor, &bytes, count, 0)
        return Array(bytes.prefix(max(0, result)))
    }

    func readToEnd() throws -> ConformanceReading {
        var reading = ConformanceReading()
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while poll(client, Int32(POLLIN), limit: Patience.milliseconds) {
            let count = recv(client, &bytes, bytes.count, 0)
            if count > 0 { reading.bytes += bytes[..<count] }
            if count == 0 { return reading }
            if count < 0 && errno == ECONNRESET {
                reading.ending = .reset
                return reading
            }
        }
        throw NeverCame(event: "the end of a connection")
    }

    func end() {
        shutdown(client, Int32(SHUT_WR))
    }

    /// By a connect to no address, so that the descriptor stays.
    func reset() {
        var address = sockaddr()
        connect(client, &address, socklen_t(MemoryLayout<sockaddr>.size))
    }
}
