// The library's servers in a process of its own, on any engine; `Tests/TestServer` says what it can be told to do.

@preconcurrency import Glibc
import GrantedLevels
import NBUring

/// Owns a process that starts and stops servers as it is told. A test uses it from one thread.
final class TestServer {
    private var child: Child
    private let commands: Int32
    private var linesRead = 0

    var pid: pid_t { child.pid }
    var errors: String { child.errors }

    /// Starts it, under a command that ends in executing it.
    init(under wrapper: [String] = []) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(call: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        child = try Child(wrapper + [try Soup.built("test-server")], input: ends[0])
        commands = ends[1]
    }

    deinit { close(commands) }

    /// Has run a server already in each way, so that what is made once and for all is there.
    static func warm(_ engine: EngineChoice = .highestGranted) throws -> TestServer {
        let process = try TestServer()
        _ = try process.start(engine)
        try process.stop()
        process.send("run \(engine.number) 0 0")
        _ = try Listening(try process.nextLine())
        process.signal(SIGTERM)
        try process.expectLines(["ended 0 0 0 signal SIGTERM", "stopped"])
        try wait(for: "its threads end") { try ProcFS.hasOnlyOwnThreads(process.pid) }
        return process
    }

    func send(_ command: String) {
        let line = Array("\(command)\n".utf8)
        _ = write(commands, line, line.count)
    }

    func signal(_ signal: Int32) { child.signal(signal) }

    /// The next line it writes.
    func nextLine() throws -> String {
        var line: Substring?
        try wait(for: "an answer of the test server: \(child.errors)") {
            let lines = child.output.split(separator: "\n", omittingEmptySubsequences: false)
            // Behind the last line break is none, or one that is not complete.
            if lines.count - 1 > linesRead { line = lines[linesRead] }
            guard line == nil else { return true }
            if let ending = child.poll() { throw Failure("the test server has ended: \(ending): \(child.errors)") }
            return false
        }
        linesRead += 1
        return String(line ?? "")
    }

    /// How many lines it has written that nobody has read.
    var unreadLines: Int { child.output.count(where: { $0 == "\n" }) - linesRead }

    func expectLines(_ expected: [String]) throws {
        for line in expected {
            let next = try nextLine()
            guard next == line else { throw Failure("the test server said \(next), not \(line)") }
        }
    }

    /// Starts a server on a thread of its own.
    func start(_ engine: EngineChoice, port: UInt16 = 0, keeping kept: Int = 0) throws -> Listening {
        send("start \(engine.number) \(port) \(kept)")
        return try Listening(try nextLine())
    }

    /// Stops the server that was started first.
    @discardableResult
    func stop() throws -> Ended {
        send("stop")
        let ended = try Ended(try nextLine())
        try expectLines(["stopped"])
        return ended
    }

    /// Stops it as SIGSTOP does: the kernel goes on completing its clients' connects, and queues them.
    func pause() throws {
        child.signal(SIGSTOP)
        try wait(for: "each thread of the test server is stopped") {
            try ProcFS.threads(of: pid).allSatisfy { "Tt".contains(try ProcFS.state(ofThread: $0, of: pid)) }
        }
    }

    func resume() { child.signal(SIGCONT) }

    /// Kills and reaps it.
    func kill() throws {
        child.signal(SIGKILL)
        guard try child.wait() == .killed(signal: SIGKILL) else { throw Failure("the test server was gone already") }
    }

    /// Waits until it has nothing more, and nothing less, than it had.
    func expectState(_ before: ProcessState) throws {
        try wait(for: "the test server has what it had, \(before), not \(try ProcessState(of: pid))") {
            try ProcessState(of: pid) == before
        }
    }
}

/// What a server said when it began.
struct Listening: Equatable {
    let addresses: [Address]
    let engine: EngineChoice
    /// How it accepts, and whether its ring's descriptor is registered: `multishot registered`.
    let features: String

    init(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 6, words[0] == "listening", let number = Int(words[3]),
            let engine = EngineChoice(number: number)
        else {
            throw Failure("a server did not begin: \(line)")
        }
        addresses = try words[1...2].map { try Address(listeningLine: "listening on \($0)") }
        self.engine = engine
        features = words[4] + " " + words[5]
    }

    /// All that an engine has.
    static func features(of engine: EngineChoice) -> String {
        switch engine {
        case .ring(.linux5_11): "one-shot unregistered"
        case .ring: "multishot registered"
        case .epoll: "multishot unregistered"
        }
    }
}

/// What a server said when it ended.
struct Ended: Equatable {
    var accepted: Int
    var delivered: Int
    var acceptFailures = 0
    var reason = "stop requested"

    init(accepted: Int, delivered: Int) {
        self.accepted = accepted
        self.delivered = delivered
    }

    init(_ line: String) throws {
        let words = line.split(separator: " ", maxSplits: 4).map(String.init)
        guard words.count == 5, words[0] == "ended", let accepted = Int(words[1]), let delivered = Int(words[2]),
            let failures = Int(words[3])
        else { throw Failure("a server did not end: \(line)") }
        (self.accepted, self.delivered, acceptFailures) = (accepted, delivered, failures)
        reason = words[4]
    }
}
