// A process of ours: started, watched, and in the end always killed and reaped.

@preconcurrency import Glibc

/// How a process ended.
enum Ending: Hashable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .killed(signal: signal)
    }

    var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .killed(let signal): "killed by signal \(signal)"
        }
    }
}

/// Owns a child process; whatever happens, the child is gone and reaped when its owner is.
///
/// The child has no descriptor but 0 (`/dev/null`, unless it is given another), 1 and 2, no signal blocked and none ignored. What it writes goes to
/// files in memory, so that it never waits for us to read.
struct Child: ~Copyable {
    enum Output {
        case captured
        case closed
        /// Lent for the time of the start.
        case descriptor(Int32)
    }

    let pid: pid_t
    private let outputFile: Int32
    private let errorFile: Int32
    private var ending: Ending?

    /// - Parameters:
    ///   - command: the path of the program, and its arguments.
    ///   - input: what the child's descriptor 0 is, lent for the time of the start; `nil` is `/dev/null`.
    ///   - output: what the child's descriptor 1 is.
    /// - Throws: ``Failure`` if it cannot be started.
    init(_ command: [String], input: Int32? = nil, output: Output = .captured) throws {
        let outputFile = try GNU.createMemoryFile()
        let errorFile = try GNU.createMemoryFile()

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        switch output {
        case .captured: posix_spawn_file_actions_adddup2(&actions, outputFile, 1)
        case .closed: posix_spawn_file_actions_addclose(&actions, 1)
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, 1)
        }
        posix_spawn_file_actions_adddup2(&actions, errorFile, 2)
        try GNU.addCloseFrom(3, to: &actions)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let words = command.map { strdup($0) }
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, command[0], &actions, &attributes, words + [nil], environ)
        guard result == 0 else {
            close(outputFile)
            close(errorFile)
            throw Failure("cannot start \(command[0]): \(String(cString: strerror(result)))")
        }
        self.pid = pid
        self.outputFile = outputFile
        self.errorFile = errorFile
    }

    deinit {
        if ending == nil {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        }
        close(outputFile)
        close(errorFile)
    }

    /// What it wrote to standard output up to now.
    var output: String { contents(of: outputFile) }

    /// What it wrote to standard error up to now.
    var errors: String { contents(of: errorFile) }

    /// Sends it a signal; none once it was reaped, since its number may be another's then.
    func signal(_ signal: Int32) {
        if ending == nil { kill(pid, signal) }
    }

    /// Reaps it if it has ended.
    mutating func poll() -> Ending? {
        var status: Int32 = 0
        if ending == nil, waitpid(pid, &status, WNOHANG) == pid { ending = Ending(waitStatus: status) }
        return ending
    }

    /// Reaps it when it ends, which it has to do by itself.
    mutating func wait() throws -> Ending {
        let deadline = Deadline()
        while true {
            if let ending = poll() { return ending }
            guard deadline.isAhead else { throw Failure("process \(pid) does not end: \(output)\(errors)") }
            usleep(500)
        }
    }
}

private func contents(of file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = pread(file, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
}
