@preconcurrency internal import Glibc
internal import Measuring

/// The child process with the servers, as the soak sees it; ``ServerRole`` is its other side. Killed and reaped at the
/// latest when this object goes.
final class ServerProcess {
    let identifier: pid_t
    private let channel: Int32
    private var unread: [UInt8] = []
    private var hasEnded = false
    private var lastStatus: Int32?

    /// How long an answer may take: only what hangs takes longer.
    private static let patience = timeval(tv_sec: 60, tv_usec: 0)

    /// The allocator gives back what is free, so that resident memory is what the servers use: mallopt(3). Left to itself
    /// it keeps heaps of as many megabytes as the order of the phases happened to need.
    private static let allocator = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"]

    /// Starts it, on an engine if one is said.
    init(on engine: String?) throws {
        if let engine { setenv("NB_SERVER_ENGINE", engine, 1) }
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw Failure(call: "socketpair") }
        defer { close(ends[1]) }
        channel = ends[0]
        var patience = Self.patience
        setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        do {
            identifier = try Self.spawn(ends[1])
        } catch {
            close(channel)
            throw error
        }
    }

    deinit {
        if !hasEnded {
            kill(identifier, SIGKILL)
            waitpid(identifier, nil, 0)
        }
        close(channel)
    }

    private static func spawn(_ channel: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, channel, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, channel, STDOUT_FILENO)

        // A group of its own: Ctrl-C is for this process, which then stops the server. The mask undoes
        // Interruption.postpone().
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

        guard let program = SystemFile.link("/proc/self/exe") else { throw Failure(call: "readlink /proc/self/exe") }
        let command: [String] = [program, Arguments.serverRole]
        let words = command.map { strdup($0) }
        defer { for word in words { free(word) } }
        // Of this process's environment only what is started from now on takes notice.
        for threshold in allocator { setenv(threshold, "131072", 1) }
        var identifier: pid_t = 0
        let error = posix_spawn(&identifier, program, &actions, &attributes, words + [nil], environ)
        guard error == 0 else { throw Failure("cannot start the server: \(String(cString: strerror(error)))") }
        return identifier
    }
}

// Orders.
extension ServerProcess {
    /// Makes a server to which clients can connect; see ``run(_:)``.
    func bind(
        _ name: String,
        closeTimeLimit: Duration,
        completionDepth: Int = 256,
        stopsAfter: Int = 0,
        sheds: Bool = false
    ) throws -> Site {
        let milliseconds = closeTimeLimit / .milliseconds(1)
        let numbers = [Int(milliseconds), completionDepth, stopsAfter, sheds ? 1 : 0]
        let words = try ask("bind \(name) \(numbers.map(String.init).joined(separator: " "))")
        return try Site(name: name, ports: words.compactMap { UInt16($0) })
    }

    func run(_ site: Site) throws {
        _ = try ask("run \(site.name)")
    }

    /// What a server has counted up to its last callback.
    func look(at site: Site) throws -> Counts {
        try counts(ask("look \(site.name)"))
    }

    /// Whether a server closes what it holds when a listener parks.
    func setYielding(_ yields: Bool, at site: Site) throws {
        _ = try ask("yield \(site.name) \(yields ? 1 : 0)")
    }

    /// Begins to stop a server; ``finishStopping()`` waits for the end.
    func beginStopping(_ site: Site) throws {
        try write("stop \(site.name)\n")
    }

    /// Whether ``finishStopping()`` would return at once.
    var hasAnswer: Bool {
        var polled = pollfd(fd: channel, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, 0) != 0
    }

    func finishStopping() throws -> Counts {
        try counts(answer(to: "stop"))
    }

    /// How many clients were echoed, and how many left before.
    func echoCounts() throws -> EchoCounts {
        let numbers = try ask("echo").compactMap { Int($0) }
        guard numbers.count == 2 else { throw Failure("the echo answers \(numbers)") }
        return EchoCounts(echoed: numbers[0], abandoned: numbers[1])
    }

    /// Takes all of the server's descriptors but so many.
    func takeDescriptors(but count: Int) throws {
        _ = try ask("hog \(count)")
    }

    func returnDescriptors() throws {
        _ = try ask("unhog")
    }

    private func counts(_ words: [Substring]) throws -> Counts {
        guard let counts = Counts(words: words) else { throw Failure("these are no counts: \(words)") }
        return counts
    }
}

// Its life.
extension ServerProcess {
    /// Holds the whole process; returns once it has really stopped. Clients can connect, and wait.
    func pause() throws {
        guard kill(identifier, SIGSTOP) == 0 else { throw Failure(call: "kill") }
        guard let status = try wait(WUNTRACED), status & 0xff == 0x7f else { throw ending }
    }

    func resume() {
        kill(identifier, SIGCONT)
    }

    /// Ends the process in good order.
    func end() throws {
        shutdown(channel, Int32(SHUT_WR))
        guard try wait(0) == 0 else { throw ending }
    }

    private var ending: Failure { Failure(lastStatus.map(Self.text) ?? "the server is gone") }

    private static func text(_ status: Int32) -> String {
        let signal = status & 0x7f
        return "the server ended with " + (signal == 0 ? "status \(status >> 8 & 0xff)" : "signal \(signal)")
    }

    private func wait(_ options: Int32) throws -> Int32? {
        var status: Int32 = 0
        let result = waitpid(identifier, &status, options)
        guard result >= 0 else { throw Failure(call: "waitpid") }
        guard result > 0 else { return nil }
        if status & 0xff != 0x7f {
            hasEnded = true
            lastStatus = status
        }
        return status
    }
}

// The channel.
extension ServerProcess {
    private func ask(_ command: String) throws -> [Substring] {
        try write(command + "\n")
        return try answer(to: command)
    }

    private func write(_ text: String) throws {
        let bytes = Array(text.utf8)
        guard send(channel, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw whyItIsSilent(text) }
    }

    private func answer(to command: String) throws -> [Substring] {
        let words = try readLine(command).split(separator: " ")
        guard words.first == "ok" else { throw Failure("the server says: " + words.joined(separator: " ")) }
        return Array(words.dropFirst())
    }

    private func readLine(_ command: String) throws -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeSubrange(...end) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            let count = recv(channel, &bytes, bytes.count, 0)
            guard count > 0 else { throw whyItIsSilent(command) }
            unread += bytes.prefix(count)
        }
    }

    private func whyItIsSilent(_ command: String) -> Failure {
        let error = errno
        // If it has ended, the kernel knows in a moment.
        for _ in 0..<100 {
            if let status = try? wait(WNOHANG), status & 0xff != 0x7f { return ending }
            usleep(1000)
        }
        return Failure("the server does not answer \"\(command)\": \(String(cString: strerror(error)))")
    }
}
