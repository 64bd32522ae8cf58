// Clients of soup, from one to thousands; none ever blocks, and each has an outcome.

@preconcurrency import Glibc

/// What became of one client.
struct Outcome: Hashable {
    enum End: Hashable {
        case closed
        case reset
        case refused
        case failed(errno: Int32)
        /// Neither bytes nor an end came any more.
        case hung
    }

    var text: String
    var end: End

    /// The greeting, once and whole, and then the end: what soup owes each client.
    static let greeted = Outcome(text: Soup.greeting, end: .closed)
    static let refused = Outcome(text: "", end: .refused)
    static let unheard = Outcome(text: "", end: .hung)

    /// What a client may meet that comes when soup goes: nothing, or everything, but no piece.
    var isWholeOrNothing: Bool {
        switch end {
        case .closed: text == Soup.greeting
        case .reset, .refused: text.isEmpty || text == Soup.greeting
        case .failed, .hung: false
        }
    }
}

/// Owns the sockets of clients, which stay open until it is gone: soup has to close first.
struct Clients: ~Copyable {
    private var sockets: [Int32] = []
    /// Why a connect failed at once, by index.
    private var failures: [Int: Int32] = [:]

    init() {}

    init(_ count: Int, to address: Address, from source: String? = nil) throws {
        try connect(count, to: address, from: source)
    }

    deinit {
        for socket in sockets { close(socket) }
    }

    var count: Int { sockets.count }

    /// Starts connects and waits for none of them.
    mutating func connect(_ count: Int, to address: Address, from source: String? = nil) throws {
        sockets.reserveCapacity(sockets.count + count)
        for _ in 0..<count {
            let socket = try openSocket(address.family)
            sockets.append(socket)
            if let source { try bindSource(socket, source) }
            let isStarted = try address.withSocketAddress { Glibc.connect(socket, $0, $1) } == 0
            if !isStarted && errno != EINPROGRESS { failures[sockets.count - 1] = errno }
        }
    }

    /// Has each send the same, without waiting: the kernel takes all of it, as long as soup has closed nothing.
    func send(_ bytes: [UInt8]) throws {
        for socket in sockets { try sendAll(bytes, on: socket) }
    }

    func sendFromLast(_ bytes: [UInt8]) throws {
        if let socket = sockets.last { try sendAll(bytes, on: socket) }
    }

    /// Has each say that it will not send any more.
    func halfClose() {
        for socket in sockets { shutdown(socket, Int32(SHUT_WR)) }
    }

    /// Has each send a reset.
    consuming func reset() {
        setToReset()
    }

    /// Has each send a reset when it is closed.
    func setToReset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        for socket in sockets {
            setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
    }

    /// Waits until all are connected.
    func waitUntilConnected() throws {
        var polled = sockets.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        try wait(for: "\(count) clients are connected") { poll(&polled, nfds_t(polled.count), 0) == count }
    }

    /// Waits until this many of them have something to read, or have ended.
    func waitUntilReadable(_ wanted: Int) throws {
        var polled = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        try wait(for: "\(wanted) of \(count) clients have something to read") {
            poll(&polled, nfds_t(polled.count), 0) >= wanted
        }
    }

    /// Waits until this many of them have at least so many bytes to read.
    func waitUntil(_ wanted: Int, have byteCount: Int) throws {
        try wait(for: "\(wanted) of \(count) clients have \(byteCount) bytes to read") {
            sockets.count { socket in
                var waiting: Int32 = 0
                _ = ioctl(socket, UInt(FIONREAD), &waiting)
                return waiting >= byteCount
            } >= wanted
        }
    }

    /// Reads all to their ends.
    func outcomes() throws -> [Outcome] {
        let queue = try EventQueue()
        var outcomes = [Outcome](repeating: Outcome(text: "", end: .hung), count: count)
        var left = count
        for (index, socket) in sockets.enumerated() {
            if let failure = failures[index] {
                outcomes[index].end = end(of: failure)
                left -= 1
            } else {
                try queue.add(socket, index, edgeTriggered: false)
            }
        }
        var deadline = Deadline()
        while left > 0 && deadline.isAhead {
            for index in queue.ready(withinMilliseconds: 100) {
                deadline = Deadline()
                guard let end = read(sockets[index], &outcomes[index].text) else { continue }
                outcomes[index].end = end
                queue.remove(sockets[index])
                left -= 1
            }
        }
        return outcomes
    }

    /// How many met which outcome.
    func tally() throws -> [Outcome: Int] {
        try Dictionary(outcomes().map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// Registers all, still without anything to read, so that later the kernel tells the order in which bytes came.
    func recordArrivals() throws -> Arrivals {
        let queue = try EventQueue(capacity: count)
        for (index, socket) in sockets.enumerated() { try queue.add(socket, index, edgeTriggered: true) }
        return Arrivals(queue: queue)
    }
}

/// The order in which clients got their first byte: epoll keeps ready descriptors in the order in which they became so.
struct Arrivals: ~Copyable {
    fileprivate let queue: EventQueue

    /// To be asked once, when all have something to read.
    consuming func indices() -> [Int] { queue.ready(withinMilliseconds: 0) }
}

/// Connects one client after the other, each when the one before has got what it gets; ends early if one hangs.
func oneAfterTheOther(_ count: Int, to address: Address, sources: [String] = []) throws -> [Outcome: Int] {
    var tally: [Outcome: Int] = [:]
    for number in 0..<count {
        let client = try Clients(1, to: address, from: sources.isEmpty ? nil : sources[number % sources.count])
        let outcome = try client.outcomes()[0]
        tally[outcome, default: 0] += 1
        if outcome.end == .hung { break }
    }
    return tally
}

/// Tries one client.
func outcome(at address: Address) throws -> Outcome {
    try Clients(1, to: address).outcomes()[0]
}

private func openSocket(_ family: Int32) throws -> Int32 {
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let descriptor = socket(family, Int32(type), 0)
    if descriptor >= 0 { return descriptor }
    guard errno == EMFILE else { throw Failure(call: "socket") }
    throw Failure("the test is out of descriptors: it wants 16,000; ./dev test raises the limit as far as it can")
}

private func sendAll(_ bytes: [UInt8], on socket: Int32) throws {
    let sent = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    guard sent == bytes.count else { throw Failure(call: "send of \(bytes.count) bytes, of which \(sent) went") }
}

/// Ports are free again after a minute only, and there are 28,232 for each address of a client.
private func bindSource(_ socket: Int32, _ source: String) throws {
    var isOn: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &isOn, socklen_t(MemoryLayout<Int32>.size))
    let result = try Address(host: source, port: 0).withSocketAddress { bind(socket, $0, $1) }
    guard result == 0 else { throw Failure(call: "bind to \(source)") }
}

/// Reads what is there; `nil` if there may be more later.
private func read(_ socket: Int32, _ text: inout String) -> Outcome.End? {
    var bytes = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    while true {
        let count = withUnsafeMutableBytes(of: &bytes) { recv(socket, $0.baseAddress, $0.count, 0) }
        if count == 0 { return .closed }
        if count < 0 { return errno == EAGAIN ? nil : end(of: errno) }
        text += withUnsafeBytes(of: &bytes) { String(decoding: $0.prefix(count), as: UTF8.self) }
        if text.utf8.count > 1024 { return .failed(errno: EMSGSIZE) }
    }
}

private func end(of errno: Int32) -> Outcome.End {
    switch errno {
    case ECONNRESET, EPIPE: .reset
    case ECONNREFUSED: .refused
    default: .failed(errno: errno)
    }
}
