internal import Glibc
internal import Measuring

/// The child process with the server, as the other side sees it; see ``ServerRole``. Killed and reaped at the latest when this
/// object goes.
final class ServerProcess {
    /// A port for each part of the plan.
    let ports: [UInt16]
    /// What it has open when no client is connected.
    private(set) var idleDescriptors = 0

    private let child: ChildProcess
    private var answers = 1

    /// How long an answer may take: only what hangs takes longer.
    static let patience = Duration.seconds(30)

    init(_ plan: ServerPlan) throws {
        child = try ChildProcess([try ProgramPath.itself(), Arguments.serverRole] + plan.words)
        let words = try Self.answer(0, "listening on", of: child)
        ports = words.compactMap { UInt16($0) }
        guard ports.count == plan.parts.count else { throw Failure("the server listens on \(words)") }
        // Once it has answered, it has opened what it opens late.
        _ = try account()
        idleDescriptors = try descriptors
    }

    var descriptors: Int { get throws { try SystemFile.names(in: "/proc/\(child.identifier)/fd").count } }

    /// Holds the whole process; returns once it has really stopped. Clients can connect, and wait.
    func pause() throws { try child.stop() }

    func resume() throws { try child.resume() }

    func account() throws -> Account {
        let words = try ask(SIGUSR1, "account")
        guard let account = Account(words: words) else { throw Failure("this is no account: \(words)") }
        return account
    }

    /// Has connections that wait finished; returns how many.
    func finishWaiting() throws -> Int {
        guard let count = try ask(SIGUSR2, "finished").first.flatMap({ Int($0) }) else {
            throw Failure("the server does not say how many it finished")
        }
        return count
    }

    /// Ends the process in good order.
    func end() throws {
        try child.send(SIGTERM)
        try child.waitUntilSuccessful()
    }

    private func ask(_ signal: Int32, _ name: String) throws -> [Substring] {
        try child.send(signal)
        defer { answers += 1 }
        return try Self.answer(answers, name, of: child)
    }

    /// The words after `name` in the line of that number.
    private static func answer(_ number: Int, _ name: String, of child: ChildProcess) throws -> [Substring] {
        let limit = ContinuousClock.now + patience
        while true {
            try Interruption.check()
            // What has no line feed yet may be half a line.
            let lines = child.printed.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if number < lines.count, lines[number].hasPrefix(name + " ") {
                return lines[number].dropFirst(name.count).split(separator: " ")
            }
            if try child.hasEndedByNow() { throw Failure("the server has ended: \(child.printed)") }
            guard limit > .now else { throw Failure("the server does not answer \"\(name)\": \(child.printed)") }
            usleep(500)
        }
    }
}
