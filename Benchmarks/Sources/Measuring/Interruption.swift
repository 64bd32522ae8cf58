internal import Glibc

/// The user has asked for the end of the run. Thrown like a failure, so that the way out stops the servers too.
package struct Interruption: Error {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    package let signal: Int32

    /// Keeps the signals pending, for `check` to find. Threads made afterwards inherit it.
    package static func postpone() throws {
        var postponed = sigset_t()
        sigemptyset(&postponed)
        for signal in signals { sigaddset(&postponed, signal) }
        guard pthread_sigmask(SIG_BLOCK, &postponed, nil) == 0 else { throw Failure(call: "pthread_sigmask") }
    }

    package static func check() throws {
        if let interruption = pending { throw interruption }
    }

    /// Ends `postpone`, once nothing is left to stop: takes the signal that is pending, so that the next one ends the process at
    /// once.
    ///
    /// - Returns: what was pending; nil if nothing was.
    package static func end() throws -> Interruption? {
        let interruption = pending
        var taken = sigset_t()
        sigemptyset(&taken)
        if let interruption {
            sigaddset(&taken, interruption.signal)
            var signal: Int32 = 0
            sigwait(&taken, &signal)
        }
        for signal in signals { sigaddset(&taken, signal) }
        guard pthread_sigmask(SIG_UNBLOCK, &taken, nil) == 0 else { throw Failure(call: "pthread_sigmask") }
        return interruption
    }

    private static var pending: Interruption? {
        var pending = sigset_t()
        sigpending(&pending)
        return signals.first { sigismember(&pending, $0) == 1 }.map { Interruption(signal: $0) }
    }
}
