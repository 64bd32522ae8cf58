internal import Glibc

/// One connection from the client's side: it follows its script as far as it can without waiting, and ends in exactly one
/// outcome. The crowd it is in waits for it.
///
/// However it ends, it leaves no port behind: its socket closes with a reset, unless both sides have ended already.
final class Client {
    /// What a client that cannot go on waits for.
    enum Need {
        /// These events of `poll(2)`; 0 is the end of the connection.
        case events(Int16)
        case time(ContinuousClock.Instant)
        /// To be told; see ``goOn()``.
        case word
    }

    let identity: UInt64
    let door: Door
    private(set) var descriptor: Int32 = -1
    private(set) var localPort: UInt16 = 0
    private(set) var isEstablished = false
    /// Its serial number, from its greeting.
    private(set) var serial: Int?
    /// What else the greeting said.
    private(set) var words: [Substring] = []
    private(set) var outcome: Outcome?
    private(set) var need = Need.events(0)

    private let port: UInt16
    private let script: Script
    private var step = 0
    /// What has been read and not been looked at.
    private var unread: [UInt8] = []
    private var heardCount = 0
    private var payloadCount = 0

    init(identity: UInt64, door: Door, port: UInt16, script: Script) {
        self.identity = identity
        self.door = door
        self.port = port
        self.script = script
    }

    deinit {
        leave()
    }

    /// Whether it has read its greeting.
    var isGreeted: Bool { serial != nil }

    /// Whether a single byte has come.
    var hasHeard: Bool { heardCount > 0 }

    var isWaitingForWord: Bool { if case .word = need, outcome == nil { true } else { false } }

    /// Does what it can. To be called to begin with, and when what it needs has come.
    func advance() {
        while outcome == nil {
            switch perform(script.steps[step]) {
            case .done: nextStep()
            case .needs(let need):
                self.need = need
                return
            case .ends(let outcome): end(outcome)
            }
        }
    }

    /// The word it waits for.
    func goOn() {
        guard isWaitingForWord else { return }
        nextStep()
        advance()
    }

    /// Says a byte that nobody expects, to hear whether the other side still exists.
    func knock() {
        _ = say([0])
    }

    /// Nobody will come for it any more.
    func giveUp() {
        guard outcome == nil else { return }
        end(.failed("hangs at \(script.steps[step])"))
    }

    private func nextStep() {
        need = .events(0)
        step += 1
        if step == script.steps.count { end(script.outcome) }
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

// The steps.
extension Client {
    private enum Progress {
        case done
        case needs(Need)
        case ends(Outcome)
    }

    private func perform(_ step: Step) -> Progress {
        switch step {
        case .connect: descriptor < 0 ? startConnecting() : finishConnecting()
        case .say(let count): say([UInt8](repeating: 0x2e, count: count))
        case .sayIdentity: say(identityBytes)
        case .halfClose: shutdown(descriptor, Int32(SHUT_WR)) == 0 ? .done : failed("shutdown")
        case .reset: .done
        case .greeting: readLine(takeGreeting)
        case .line(let expected): readLine { $0 == expected ? .done : self.failed("heard \"\($0)\"") }
        case .hearIdentity: hearIdentity()
        case .payload(let count): readPayload(count)
        case .end: readEnd()
        case .cutOff: waitForCut()
        case .pause(let duration): pause(duration)
        case .wait: .needs(.word)
        }
    }

    private func startConnecting() -> Progress {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        descriptor = socket(AF_INET, type, 0)
        guard descriptor >= 0 else { return failed("socket: error \(errno)") }
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        let result = Loopback.withAddress(port) { connect(descriptor, $0, $1) }
        return result == 0 || errno == EINPROGRESS ? .needs(.events(Int16(POLLOUT))) : broken(errno)
    }

    private func finishConnecting() -> Progress {
        let error = takeSocketError()
        guard error != ECONNREFUSED else {
            return script.risk == .stop ? .ends(.refused) : failed("connection refused")
        }
        // One that is reset already was established before. A broken pipe is a reset after the end of the stream: then
        // everything that it is owed must be there to read.
        guard [0, ECONNRESET, EPIPE].contains(error) else { return failed("connect: error \(error)") }
        isEstablished = true
        localPort = Loopback.localPort(of: descriptor)
        return error == ECONNRESET ? broken(error) : .done
    }

    /// What a client says is so little that it always fits.
    private func say(_ bytes: [UInt8]) -> Progress {
        let count = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        if count == bytes.count { return .done }
        return count < 0 ? broken(errno) : failed("said \(count) of \(bytes.count) bytes")
    }

    private func takeGreeting(_ line: String) -> Progress {
        let greeting = line.split(separator: " ")
        guard greeting.count >= 2, greeting[0] == "serial", let serial = Int(greeting[1]) else {
            return failed("heard \"\(line)\" for a greeting")
        }
        self.serial = serial
        words = Array(greeting.dropFirst(2))
        return .done
    }

    private func readLine(_ take: (String) -> Progress) -> Progress {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread.removeSubrange(...end)
                return take(line)
            }
            if let progress = hearMore() { return progress }
        }
    }

    private func hearIdentity() -> Progress {
        let expected = identityBytes
        while unread.count < expected.count {
            if let progress = hearMore() { return progress }
        }
        guard unread.starts(with: expected) else { return failed("was echoed somebody else's identity") }
        unread.removeFirst(expected.count)
        return .done
    }

    /// Reads to the next multiple of `count`.
    private func readPayload(_ count: Int) -> Progress {
        let end = (payloadCount / count + 1) * count
        while true {
            let part = unread.prefix(end - payloadCount)
            guard Payload.has(part, at: payloadCount) else { return failed("the payload is spoilt") }
            payloadCount += part.count
            unread.removeFirst(part.count)
            if payloadCount == end { return .done }
            if let progress = hearMore() { return progress }
        }
    }

    private func readEnd() -> Progress {
        guard unread.isEmpty else { return failed("heard too much") }
        return switch hear() {
        case .end: .done
        case .something: failed("heard too much")
        case .nothingYet: .needs(.events(Int16(POLLIN)))
        case .error(let error): broken(error)
        }
    }

    private func waitForCut() -> Progress {
        switch takeSocketError() {
        case 0: .needs(.events(0))
        // A reset after the end of the stream is called a broken pipe.
        case ECONNRESET, EPIPE: .done
        case let error: failed("error \(error) instead of a reset")
        }
    }

    private func pause(_ duration: Duration) -> Progress {
        if case .time(let moment) = need {
            return moment <= .now ? .done : .needs(need)
        }
        return .needs(.time(.now + duration))
    }
}

// What the steps are made of.
extension Client {
    private var identityBytes: [UInt8] { withUnsafeBytes(of: identity.bigEndian) { Array($0) } }

    private enum Hearing {
        case something
        case nothingYet
        case end
        case error(Int32)
    }

    private func hear() -> Hearing {
        let count = withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { unread += buffer.prefix(count) }
            return count
        }
        heardCount += max(count, 0)
        if count > 0 { return .something }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .nothingYet : .error(errno)
    }

    /// Hears on in the middle of something; `nil` if more of it came.
    private func hearMore() -> Progress? {
        switch hear() {
        case .something: nil
        case .nothingYet: .needs(.events(Int16(POLLIN)))
        case .end: broken(0)
        case .error(let error): broken(error)
        }
    }

    /// The connection has ended before its time; 0 is the end of the stream.
    private func broken(_ error: Int32) -> Progress {
        let isReset = error == ECONNRESET || error == EPIPE
        switch script.risk {
        case .stop where isReset && heardCount == 0: return .ends(.turnedAway)
        case .cut where isReset || error == 0: return .ends(.rude)
        case .none, .stop, .cut: break
        }
        let how = error == 0 ? "the stream ended" : isReset ? "was reset" : "error \(error)"
        return failed("\(how) after \(heardCount) bytes")
    }

    private func failed(_ reason: String) -> Progress {
        .ends(.failed("\(reason), at \(script.steps[step])"))
    }

    private func takeSocketError() -> Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return error
    }
}
