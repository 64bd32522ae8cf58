internal import NBEngine

/// What a callback wants the server to do next.
public struct Verdict: Hashable, Sendable {
    // Every callback returns one, so it is small and has nothing to retain unless it stops the server. The compiler may know it
    // in other modules, so that going on is a constant there.
    @usableFromInline
    enum Next: Hashable, Sendable {
        case serveWithin(nanoseconds: UInt64)
        case handleContinue
        indirect case stop(String)
    }

    /// What to do but to go on serving.
    let next: Next?

    /// Go on serving.
    public static var `continue`: Verdict { Verdict(next: nil) }

    /// Go on serving; if no other callback of the behavior runs for `timeout`, it hears ``ServerInfo/timeout``.
    ///
    /// Every callback's verdict decides anew: after one without a timeout there is none. Callbacks of workers do not count. A
    /// `timeout` below zero is zero.
    public static func `continue`(timeout: Duration) -> Verdict {
        Verdict(next: .serveWithin(nanoseconds: timeout.wholeNanoseconds))
    }

    /// Go on with ``NonBlockingServer/handleContinue(_:)``, before the next message, connection or anything else: for work that
    /// is to be done right after an answer has left, or in steps. What the step is about is in the behavior's own state.
    public static var handleContinue: Verdict { Verdict(next: .handleContinue) }

    /// Stop: connections accepted and not yet delivered are reset and counted, then every listener is closed, then
    /// ``NonBlockingServer/terminate(_:in:)`` runs.
    public static var stop: Verdict { Verdict(next: .stop("")) }

    /// Stop, and say why; the reason comes back in ``StopReason/verdict(_:)``.
    public static func stop(_ reason: String) -> Verdict { Verdict(next: .stop(reason)) }
}
