import Glibc

/// Somebody wants the run to end. Thrown like a failure, so that the way out stops the servers too.
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
        var pending = sigset_t()
        sigpending(&pending)
        if let signal = signals.first(where: { sigismember(&pending, $0) == 1 }) {
            throw Interruption(signal: signal)
        }
    }
}
