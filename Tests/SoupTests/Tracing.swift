// strace, attached to a process that is there already: it writes some system calls down, and fails some of those.

@preconcurrency import Glibc

/// Watches a system call of a process and of the threads it starts, until it is finished.
///
/// strace counts the calls of each thread by itself.
final class Tracing {
    /// What strace saw.
    struct Record {
        /// A line for each of the calls, failed or not.
        let calls: [Substring]
        /// The same for the other call.
        let others: [Substring]
        /// How many of them it failed.
        let injected: Int
        fileprivate let lines: [Substring]

        /// How many waits ended by their time limit.
        var timeoutCount: Int { lines.count { Self.isTimeout($0) } }

        /// Whether a wait ended by its time limit: `ETIME` of a ring, no events of epoll.
        static func isTimeout(_ line: Substring) -> Bool {
            line.contains(" = -1 ETIME ") || line.contains(" epoll_") && line.hasSuffix(" = 0")
        }
    }

    /// What a ring's descriptor leads to.
    static let ringLink = "anon_inode:[io_uring]"

    private let call: String
    private let other: String?
    private let log: TemporaryFile
    private var strace: Child

    /// Attaches.
    ///
    /// - Parameters:
    ///   - call: the system call's name.
    ///   - error: what it fails with, as in `EMFILE`, or `nil` to leave it alone.
    ///   - when: which of them fail: `2` is the second, `2..4` are three of them, `1+` are all, `2+2` is every other.
    ///   - other: another system call, which is left alone.
    ///   - path: only calls about this; a path or what a descriptor's link reads.
    ///   - pid: the process.
    /// - Throws: ``Failure`` if strace does not attach.
    init(
        _ call: String,
        _ error: String? = nil,
        when: String = "1+",
        and other: String? = nil,
        about path: String? = nil,
        of pid: pid_t
    ) throws {
        let log = try TemporaryFile()
        var command = [try program("strace"), "-f", "-o", log.path, "-p", String(pid)]
        if let path { command += ["-P", path] }
        command += ["-e", "trace=\(([call] + [other].compactMap { $0 }).joined(separator: ","))"]
        if let error { command += ["-e", "inject=\(call):error=\(error):when=\(when)"] }
        let child = try Child(command)
        try wait(for: "strace attaches") { child.errors.contains("Process \(pid) attached") }
        self.call = call
        self.other = other
        self.log = log
        strace = child
    }

    /// Waits until it has failed that many calls.
    func waitForInjections(_ count: Int) throws {
        try wait(for: "\(count) calls of \(call) fail") { try record().injected >= count }
    }

    /// Waits until that many waits have ended by their time limit.
    func waitForTimeouts(_ count: Int) throws {
        try wait(for: "\(count) calls of \(call) meet their time limit") { try record().timeoutCount >= count }
    }

    /// Detaches.
    func finish() throws -> Record {
        strace.signal(SIGINT)
        _ = try strace.wait()
        return try record()
    }

    /// What it has seen up to now.
    func record() throws -> Record {
        let lines = try ProcFS.text(log.path).split(separator: "\n")
        // A call that another thread's cut in two is resumed in a line of its own.
        return Record(
            calls: lines.filter { $0.contains(" \(call)(") },
            others: lines.filter { line in other.map { line.contains(" \($0)(") } ?? false },
            injected: lines.count(where: { $0.contains("(INJECTED)") }),
            lines: lines
        )
    }
}
