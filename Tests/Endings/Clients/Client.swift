internal import Glibc

/// One connection from the client's side: it does what it can without waiting, and comes to exactly one outcome. The crowd it is in
/// waits for it.
///
/// However it ends, it leaves no port behind: its socket closes with a reset, unless both sides have ended already.
final class Client {
    private enum State {
        case connecting
        /// Speaks and reads, as far as its manner goes.
        case connected
        /// Has read the end of the stream, and waits to be reset.
        case staying
    }

    /// The greeting it is owed.
    let size: Int
    let manner: Manner
    private(set) var outcome: Outcome?
    /// Whether it was reset after the end of the stream, before it had closed: no loss here, but one to a client whose system
    /// drops what has not been read.
    private(set) var wasResetAfterEnd = false

    private var descriptor: Int32
    private var state = State.connecting
    private var isSpeaking = false
    private var unsaid: Int
    private var mayRead: Bool
    private var heard = 0
    /// The next piece is not read before.
    private var pauseEnd: ContinuousClock.Instant?
    /// A send has met the reset, and taken the error with it: what looks like the end of the stream is none.
    private var hasMetReset = false

    /// Begins to connect, from one of many addresses, lest ports run out.
    init(number: Int, to port: UInt16, size: Int, _ manner: Manner) {
        self.size = size
        self.manner = manner
        unsaid = manner.speech
        mayRead =
            switch manner.reading {
            case .atOnce, .slowly, .part: true
            case .afterSpeech: manner.speech == 0
            case .whenTold, .never: false
            }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else {
            end(.unconnected)
            return
        }
        setOptions()
        let source = UInt32(number % 200) + 2
        let isBound = Self.withAddress(source, 0) { bind(descriptor, $0, $1) } == 0
        let result = Self.withAddress(1, port) { connect(descriptor, $0, $1) }
        if !isBound || (result != 0 && errno != EINPROGRESS) { end(.unconnected) }
    }

    deinit {
        leave()
    }

    var isConnected: Bool { state != .connecting }

    private func setOptions() {
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        // The port is chosen by `connect`, when the other end is known, and may be in use to another.
        let bindAddressNoPort: Int32 = 24
        set(Int32(IPPROTO_IP), bindAddressNoPort, 1)
        let tcp = Int32(IPPROTO_TCP)
        if manner.segmentSize > 0 { set(tcp, TCP_MAXSEG, manner.segmentSize) }
        if manner.receiveBuffer > 0 { set(SOL_SOCKET, SO_RCVBUF, manner.receiveBuffer) }
        if manner.window > 0 { set(tcp, TCP_WINDOW_CLAMP, manner.window) }
    }

    private func set(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        let result = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
        precondition(result == 0, "setsockopt \(name) of level \(level): error \(errno)")
    }

    /// An address of 127.0.0.0/24.
    private static func withAddress(
        _ host: UInt32,
        _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (0x7F00_0000 | host).bigEndian
        return withUnsafeBytes(of: address) {
            body($0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
    }

    private func end(_ outcome: Outcome) {
        self.outcome = outcome
        leave()
    }

    private func leave() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}

// What its crowd has it do.
extension Client {
    /// Begins to speak, and says so much at the most for now.
    func speak(atMost limit: Int) {
        guard outcome == nil, unsaid > 0 else { return }
        isSpeaking = true
        say(atMost: limit)
    }

    /// May read from now on.
    func read() {
        mayRead = true
    }

    /// Does what it can.
    func advance() {
        guard outcome == nil else { return }
        if state == .connecting { finishConnecting() }
        if state == .connected { say(atMost: Self.chunk) }
        if state == .connected { hear() }
    }

    /// Nothing will happen to it any more.
    func giveUp() {
        if outcome == nil { end(.hung) }
    }

    /// What it waits for, to be polled. A reset is told of without being asked for.
    var polled: pollfd {
        // Only time ends a pause.
        if pauseEnd != nil { return pollfd(fd: -1, events: 0, revents: 0) }
        var events: Int32 = 0
        switch state {
        case .connecting: events = POLLOUT
        case .connected:
            if isSpeaking && unsaid > 0 { events |= POLLOUT }
            if mayRead { events |= POLLIN }
        case .staying: break
        }
        return pollfd(fd: descriptor, events: Int16(events), revents: 0)
    }

    /// Takes notice of what has happened to it, or of the end of a pause; `false` if there was nothing.
    func notice(_ events: Int16) -> Bool {
        if let end = pauseEnd {
            guard end <= .now else { return false }
            pauseEnd = nil
        } else {
            guard events != 0 else { return false }
            if state == .staying { noteReset() }
            // One that does not read is told of nothing but its reset.
            if state == .connected, case .never = manner.reading { mayRead = true }
        }
        advance()
        return true
    }

    /// When its pause is over, if it makes one.
    var due: ContinuousClock.Instant? { pauseEnd }
}

// What it does.
extension Client {
    private static let chunk = 64 << 10

    private func finishConnecting() {
        let error = takeError()
        // One that is reset already was connected before; after the end of the stream that is called a broken pipe.
        guard [0, ECONNRESET, EPIPE].contains(error) else { return end(.unconnected) }
        hasMetReset = error == ECONNRESET
        state = .connected
    }

    private func say(atMost limit: Int) {
        guard isSpeaking && unsaid > 0 else { return }
        let end = max(0, unsaid - limit)
        while unsaid > end {
            let count = Greeting.bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress, min(unsaid - end, Self.chunk), Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 else { break }
            unsaid -= count
        }
        if unsaid > end && errno != EAGAIN {
            // Without the end of the stream before it, a reset is called one; after that, a broken pipe.
            if errno == ECONNRESET { hasMetReset = true }
            unsaid = 0
        } else if unsaid == 0 && manner.endsItsSide {
            shutdown(descriptor, Int32(SHUT_WR))
        }
        if unsaid == 0, case .afterSpeech = manner.reading { mayRead = true }
    }

    private func hear() {
        while mayRead && outcome == nil && pauseEnd == nil && state == .connected {
            guard hearPiece() else { return }
        }
    }

    /// Reads as much as its manner wants at a time; `false` if nothing is there.
    private func hearPiece() -> Bool {
        let wanted =
            switch manner.reading {
            case .slowly(let count, _): count
            case .part(let count): min(count - heard, Self.chunk)
            case .atOnce, .afterSpeech, .whenTold, .never: Self.chunk
            }
        let (count, error, isRight) = withUnsafeTemporaryAllocation(byteCount: wanted, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return (count, errno, true) }
            return (count, 0, Greeting.has(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: heard))
        }
        if count > 0 {
            take(count, isRight)
        } else if count == 0 {
            takeEnd()
        } else if error == EAGAIN || error == EINTR {
            return false
        } else {
            takeReset()
        }
        return true
    }

    private func take(_ count: Int, _ isRight: Bool) {
        heard += count
        guard isRight && heard <= size else { return end(.spoilt) }
        switch manner.reading {
        case .slowly(_, let pause): pauseEnd = .now + pause
        case .part(let part) where heard == part: end(.left)
        case .atOnce, .afterSpeech, .whenTold, .part, .never: break
        }
    }

    private func takeEnd() {
        guard !hasMetReset else { return takeReset() }
        guard heard == size else { return end(.short) }
        wasResetAfterEnd = takeError() != 0
        guard manner.stays else { return end(.whole) }
        if wasResetAfterEnd { end(.expired) } else { state = .staying }
    }

    private func takeReset() {
        if case .never = manner.reading, heard < size { return end(.expired) }
        end(heard == 0 ? .nothing : heard < size ? .cut : .noEnd)
    }

    /// Something has happened after the end of the stream, and that can only be the reset.
    private func noteReset() {
        end(.expired)
    }

    private func takeError() -> Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return error
    }
}
