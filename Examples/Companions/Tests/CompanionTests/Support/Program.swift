@preconcurrency import Glibc
import Synchronization

/// A program in a process of its own, killed and reaped when it is dropped.
final class Program {
    private let pid: pid_t
    private let output: UnsafeMutablePointer<FILE>
    private let errorFile: UnsafeMutablePointer<FILE>
    private var status: Int32?

    /// Starts a command; the path of the program, or its name if it is in `PATH`.
    init(_ command: [String]) throws {
        // One at a time: a program that is started meanwhile would inherit the pipe, whose end would not come before that program's.
        (pid, output, errorFile) = try Self.starting.withLock { _ in try Self.start(command) }
    }

    private static let starting = Mutex(())

    private static func start(
        _ command: [String]
    ) throws -> (pid_t, UnsafeMutablePointer<FILE>, UnsafeMutablePointer<FILE>) {
        var pipes: [Int32] = [0, 0]
        guard pipe(&pipes) == 0, let errors = tmpfile() else { throw Failure("no pipe or file") }
        for descriptor in pipes + [fileno(errors)] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
        posix_spawn_file_actions_adddup2(&actions, fileno(errors), 2)
        let words = command.map { strdup($0) }
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, command[0], &actions, nil, words + [nil], environ)
        close(pipes[1])
        guard result == 0, let output = fdopen(pipes[0], "r") else { throw Failure("\(command[0]): error \(result)") }
        return (pid, output, errors)
    }

    /// Starts a program of this package.
    convenience init(built name: String, _ arguments: [String], under wrapper: [String] = []) throws {
        try self.init(wrapper + [Program.folder + name] + arguments)
    }

    /// Where the tests, and so the programs, were built.
    private static let folder: String = {
        guard let path = realpath("/proc/self/exe", nil) else { return "" }
        defer { free(path) }
        let own = String(cString: path)
        return String(own[...(own.lastIndex(of: "/") ?? own.startIndex)])
    }()

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            _ = wait()
        }
        fclose(output)
        fclose(errorFile)
    }

    /// The next line of its output.
    func line() throws -> String {
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        defer { free(line) }
        let count = getline(&line, &size, output)
        guard count > 0, let line else { throw Failure("no more output; it said: \(errors)") }
        return String(cString: line).trimmed
    }

    /// The address at the end of the next line.
    func address() throws -> String {
        let line = try line()
        guard let address = line.split(separator: " ").last else { throw Failure("no address: \(line)") }
        return String(address)
    }

    /// The rest of its output.
    func outputToEnd() -> String {
        var text = ""
        while let line = try? line() { text += line + "\n" }
        return text
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits for its end: the exit status, or 128 and the signal that ended it.
    @discardableResult
    func wait() -> Int32 {
        if let status { return status }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let end = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
        self.status = end
        return end
    }

    /// What it has said on its standard error.
    var errors: String {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = pread(fileno(errorFile), &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

/// Runs a command to its end, which must be a good one; returns its output.
func output(of command: String...) throws -> String {
    let program = try Program(command)
    let text = program.outputToEnd()
    let status = program.wait()
    guard status == 0 else { throw Failure("\(command[0]) ended with \(status): \(program.errors)\(text)") }
    return text
}

extension String {
    fileprivate var trimmed: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
