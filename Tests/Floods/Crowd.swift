internal import Glibc
internal import Measuring
internal import NBServer

/// The clients of a flood: each connects, sends nothing, and looks what it is told.
///
/// A client that was refused is closed at once, so that a process has descriptors enough for all. Those that do not know yet are no more
/// than a listener's queue holds.
final class Crowd {
    /// How long nothing may happen: only what hangs takes longer.
    private static let patience = Duration.seconds(60)

    private struct Client {
        let socket: Int32
        let source: FloodSource
        /// What it was told so far.
        var text: [UInt8] = []
    }

    let size: Int
    private let window: Int
    private let addresses: [sockaddr_in]
    private let leavesAtOnce: Bool
    private var asked = 0
    private var undecided: [Client] = []
    /// Those that were let in, and stay.
    private var inside: [Client] = []

    private(set) var letIn = 0
    private(set) var reset = 0
    private(set) var toldLastWord = 0
    private(set) var letInOfSource = [Int](repeating: 0, count: FloodSource.count)

    /// Those that connect in turn to these addresses. They leave at once if the servers end each connection when it is greeted.
    init(_ size: Int, window: Int, at addresses: [SocketAddress], leavesAtOnce: Bool) {
        self.size = size
        self.window = window
        self.leavesAtOnce = leavesAtOnce
        self.addresses = addresses.map { address in
            var result = sockaddr_in()
            result.sin_family = sa_family_t(AF_INET)
            result.sin_port = address.port.bigEndian
            result.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
            return result
        }
    }

    deinit {
        for client in undecided + inside { close(client.socket) }
    }

    var decided: Int { letIn + reset + toldLastWord }
    /// Those that were let in, and have not left.
    var insideCount: Int { inside.count }

    /// Has as many connect as may wait.
    func ask() throws {
        while asked < size && undecided.count < window { try askNext() }
    }

    /// Goes on until so many know what becomes of them.
    func decide(_ count: Int) throws {
        var limit = ContinuousClock.now + Self.patience
        while decided < count {
            try Interruption.check()
            try ask()
            if try look(waiting: 100) > 0 { limit = .now + Self.patience }
            guard limit > .now else { throw Failure("\(undecided.count) clients are told nothing") }
        }
    }

    /// Whether a client is told something without having to wait.
    func lookOnce() throws { _ = try look(waiting: 0) }

    /// Expects the end of those that are inside, and closes them.
    func expectEnds() throws {
        for client in inside {
            var byte: UInt8 = 0
            let count = recv(client.socket, &byte, 1, 0)
            guard count == 0 else {
                throw count > 0 ? Failure("a client is told more than the greeting") : Failure(call: "recv")
            }
            close(client.socket)
        }
        inside = []
    }

    private func askNext() throws {
        let client = Client(
            socket: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0),
            source: FloodSource(ofClient: asked)
        )
        guard client.socket >= 0 else { throw Failure(call: "socket") }
        // No client stays in TIME_WAIT.
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(client.socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        var limit = timeval(tv_sec: Int(Self.patience.components.seconds), tv_usec: 0)
        setsockopt(client.socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard client.source.bind(client.socket) == 0 else { throw Failure(call: "bind to \(client.source.text)") }
        let result = withUnsafePointer(to: addresses[asked % addresses.count]) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client.socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        asked += 1
        // A reset may come before the call returns.
        if result != 0 {
            guard errno == ECONNRESET else { throw Failure(call: "connect") }
            return note(&reset, client)
        }
        undecided.append(client)
    }

    private func note(_ count: inout Int, _ client: Client) {
        count += 1
        close(client.socket)
    }

    /// Has those read that can.
    ///
    /// - Returns: how many read something.
    private func look(waiting milliseconds: Int32) throws -> Int {
        var interest = undecided.map { pollfd(fd: $0.socket, events: Int16(POLLIN), revents: 0) }
        guard poll(&interest, nfds_t(interest.count), milliseconds) >= 0 else { throw Failure(call: "poll") }
        var clients = undecided
        undecided = []
        var readers = 0
        for index in clients.indices {
            guard interest[index].revents != 0 else {
                undecided.append(clients[index])
                continue
            }
            readers += 1
            if try !read(&clients[index]) { undecided.append(clients[index]) }
        }
        return readers
    }

    /// - Returns: whether the client knows what becomes of it.
    private func read(_ client: inout Client) throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(client.socket, &buffer, buffer.count, 0)
        if count < 0 {
            guard errno == ECONNRESET, client.text.isEmpty else {
                throw Failure(call: "recv after \(client.text.count) bytes")
            }
            note(&reset, client)
            return true
        }
        client.text += buffer[..<count]
        let isGreeted = client.text.elementsEqual(Doorkeeper.greeting.utf8)
        if isGreeted && (count == 0 || !leavesAtOnce) {
            letInOfSource[client.source.index] += 1
            if leavesAtOnce {
                note(&letIn, client)
            } else {
                letIn += 1
                inside.append(client)
            }
            return true
        }
        guard count == 0 else { return false }
        guard client.text.elementsEqual(Doorkeeper.lastWord.utf8) else {
            throw Failure("a client is told \(String(decoding: client.text, as: UTF8.self).debugDescription)")
        }
        note(&toldLastWord, client)
        return true
    }
}
