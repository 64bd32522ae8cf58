internal import Glibc
internal import LoopbackClient
internal import Measuring

/// A host that runs, as its clients and its operator see it. Killed and reaped at the latest when this object goes.
final class HostProcess {
    /// How long an answer may take: only what hangs takes longer.
    static let patience = Duration.seconds(30)

    /// Where it listens.
    let endpoints: [Endpoint]

    private let child: ChildProcess
    private var answers = 0

    /// Starts it, and returns when it listens on so many free ports.
    init(_ program: HostProgram, listeners: Int) throws {
        let child = try ChildProcess(program.command + Array(repeating: "127.0.0.1:0", count: listeners))
        self.child = child
        endpoints = try Self.named(child) {
            try Self.lines(listeners, beginning: "listening on ", of: child).map { text in
                guard let endpoint = Endpoint(text) else { throw Failure("this is no address: \(text)") }
                return endpoint
            }
        }
    }

    /// Adds what it has printed to a failure.
    func named<Result>(_ body: () throws -> Result) throws -> Result { try Self.named(child, body) }

    private static func named<Result>(_ child: ChildProcess, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let failure as Failure {
            throw Failure("\(failure)\nit has printed:\n\(child.printed)")
        }
    }

    /// Each descriptor it has open, with what that refers to. Without timers, since Dispatch, which is beneath Swift's tasks, opens its one
    /// when it likes.
    var descriptors: Set<String> {
        get throws {
            let folder = "/proc/\(child.identifier)/fd"
            let descriptors = try SystemFile.names(in: folder).map { name in
                "\(name) \(SystemFile.link("\(folder)/\(name)") ?? "closed")"
            }
            return Set(descriptors.filter { !$0.contains("timerfd") })
        }
    }

    /// Asks what it has counted, and waits for the answer.
    func ask() throws -> HostCounters {
        try child.send(SIGUSR1)
        answers += 1
        return try lastAnswer()
    }

    /// Holds the whole process while clients connect, and has it find these signals when it goes on.
    func whileHeld(thenSending signals: [Int32] = [], _ body: () throws -> Void) throws {
        try child.stop()
        try body()
        for signal in signals { try child.send(signal) }
        try child.resume()
    }

    /// Waits for its end, which has to be a good one.
    ///
    /// - Returns: what it had counted by then, which it prints last.
    func finish() throws -> HostCounters {
        answers += 1
        let counters = try lastAnswer()
        let limit = ContinuousClock.now + Self.patience
        while try !child.hasSucceededByNow() {
            try Interruption.check()
            guard limit > .now else { throw Failure("it does not end") }
            usleep(500)
        }
        return counters
    }

    private func lastAnswer() throws -> HostCounters {
        let line = try Self.lines(answers, beginning: "accepted ", of: child)[answers - 1]
        guard let counters = HostCounters(line) else { throw Failure("these are no counters: \(line)") }
        return counters
    }

    /// Waits for so many lines that begin like that, and returns what follows.
    private static func lines(_ count: Int, beginning word: String, of child: ChildProcess) throws -> [String] {
        let limit = ContinuousClock.now + patience
        while true {
            try Interruption.check()
            // An end shows only in what is printed before it.
            let hasEnded = try child.hasSucceededByNow()
            // What has no line feed yet may be half a line.
            let lines = child.printed.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            let found = lines.filter { $0.hasPrefix(word) }
            if found.count >= count { return found.map { String($0.dropFirst(word.count)) } }
            guard !hasEnded, limit > .now else {
                throw Failure(hasEnded ? "it has ended" : "it does not print \"\(word)…\" \(count) times")
            }
            usleep(500)
        }
    }
}
