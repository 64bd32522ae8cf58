import Glibc

/// A child process, made in one of the ways in which a program makes one. It does nothing, and ends by itself after half a
/// minute.
enum ChildProcess {
    enum Kind: String {
        /// `posix_spawn(3)`.
        case spawn
        /// `fork(2)`, and in the child `execv(3)`.
        case forkAndExecute = "fork-exec"
        /// `fork(2)`; the child lives on as a copy.
        case fork
        /// `fork(2)`; the child exits at once.
        case forkAndExit = "fork-exit"
    }

    /// The argument with which this program is a child and nothing else.
    static let role = "child"

    static func play() -> Never {
        alarm(30)
        while true { pause() }
    }

    /// Makes a child and returns its number.
    static func make(_ kind: Kind) -> pid_t {
        let path = strdup("/proc/self/exe")
        var arguments = [path, strdup(role), nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        if kind == .spawn {
            guard posix_spawn(&pid, "/proc/self/exe", nil, nil, &arguments, environ) == 0 else { return -1 }
            return pid
        }
        pid = fork()
        guard pid == 0 else { return pid }
        // Only what is safe in a signal handler is safe here.
        switch kind {
        case .spawn, .forkAndExecute: execv(path!, &arguments)  // strdup had memory.
        case .fork: play()
        case .forkAndExit: break
        }
        _exit(0)
    }

    /// `fork(2)`, which Swift's Glibc module leaves out.
    private static let fork: @convention(c) () -> pid_t = {
        unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> pid_t).self)
    }()
}
