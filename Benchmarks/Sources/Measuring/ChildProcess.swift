@preconcurrency package import Glibc

/// A program started by this one, with a process group of its own, killed and reaped at the latest when this object goes.
package final class ChildProcess {
    package let identifier: pid_t
    private let output: Int32
    package private(set) var hasEnded = false

    package init(_ command: [String]) throws {
        output = try Self.openUnnamedFile()
        identifier = try Self.spawn(command, output: output)
    }

    deinit {
        // Also what it has started, if that is still in its group.
        kill(-identifier, SIGKILL)
        if !hasEnded { waitpid(identifier, nil, 0) }
        close(output)
    }

    /// Both its standard output and its standard error, from the beginning.
    package var printed: String {
        var contents: [UInt8] = []
        while true {
            let chunk = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                count = max(0, pread(output, buffer.baseAddress, buffer.count, off_t(contents.count)))
            }
            guard !chunk.isEmpty else { return String(decoding: contents, as: UTF8.self) }
            contents += chunk
        }
    }

    /// Returns once it has really stopped.
    package func stop() throws {
        try send(SIGSTOP)
        let status = try wait(WUNTRACED)
        guard let status, status & 0xff == 0x7f else { throw ending(status) }
    }

    package func resume() throws {
        try send(SIGCONT)
    }

    package func failIfEnded() throws {
        if let status = try wait(WNOHANG) { throw ending(status) }
    }

    package func waitUntilSuccessful() throws {
        let status = try wait(0)
        guard status == 0 else { throw Failure("\(ending(status))\n\(printed)") }
    }

    /// Whether it has ended by now.
    package func hasEndedByNow() throws -> Bool {
        if hasEnded { return true }
        return try wait(WNOHANG) != nil
    }

    /// Whether it has ended by now, and well. Fails, once, if it has ended otherwise.
    package func hasSucceededByNow() throws -> Bool {
        guard !hasEnded, let status = try wait(WNOHANG) else { return hasEnded }
        guard status == 0 else { throw ending(status) }
        return true
    }

    package func send(_ signal: Int32) throws {
        guard kill(identifier, signal) == 0 else { throw Failure(call: "kill") }
    }

    /// It and everything in its group.
    package func signalGroup(_ signal: Int32) throws {
        guard kill(-identifier, signal) == 0 else { throw Failure(call: "kill") }
    }

    /// Nil where there is nothing to tell yet.
    private func wait(_ options: Int32) throws -> Int32? {
        var status: Int32 = 0
        let result = waitpid(identifier, &status, options)
        guard result >= 0 else { throw Failure(call: "waitpid") }
        guard result > 0 else { return nil }
        hasEnded = status & 0xff != 0x7f
        return status
    }

    private func ending(_ status: Int32?) -> Failure {
        let status = status ?? 0
        let signal = status & 0x7f
        let how = signal == 0 ? "exit status \(status >> 8 & 0xff)" : "signal \(signal)"
        return Failure("ended with \(how)")
    }

    private static func openUnnamedFile() throws -> Int32 {
        var path = Array("/tmp/nb-server-benchmarks.XXXXXX".utf8CString)
        let file = mkstemp(&path)
        guard file >= 0 else { throw Failure(call: "mkstemp") }
        unlink(path)
        guard fcntl(file, F_SETFD, FD_CLOEXEC) == 0 else { throw Failure(call: "fcntl") }
        return file
    }

    private static func spawn(_ command: [String], output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)

        // A group of its own: Ctrl-C is for this process, which then stops the servers. The mask undoes
        // Interruption.postpone().
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

        let arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var identifier: pid_t = 0
        let error = posix_spawnp(&identifier, command[0], &actions, &attributes, arguments, environ)
        guard error == 0 else { throw Failure("\(command[0]): \(String(cString: strerror(error)))") }
        return identifier
    }
}
