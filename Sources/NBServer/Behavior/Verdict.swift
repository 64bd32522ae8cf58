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

    /// Go on serving, and call ``NonBlockingServer/handleInfo(_:in:)`` with ``ServerInfo/timeout`` if no other callback of the behavior
    /// runs for `timeout`.
    ///
    /// Every callback's verdict decides anew: a verdict without a timeout cancels the last one. Callbacks of workers do not count. A
    /// `timeout` below zero is zero.
    public static func `continue`(timeout: Duration) -> Verdict {
        Verdict(next: .serveWithin(nanoseconds: timeout.wholeNanoseconds))
    }

    /// Go on with ``NonBlockingServer/handleContinue(_:)`` before the next message, connection or anything else. Use it for work right
    /// after a reply has left, or for work in steps. The behavior keeps what the step is about in its own state.
    public static var handleContinue: Verdict { Verdict(next: .handleContinue) }

    /// Stop the server. Connections that were accepted and not delivered are reset and counted. Then every listener is closed. Then
    /// ``NonBlockingServer/terminate(_:in:)`` runs.
    public static var stop: Verdict { Verdict(next: .stop("")) }

    /// Stop the server with a reason, which comes back in ``StopReason/verdict(_:)``.
    public static func stop(_ reason: String) -> Verdict { Verdict(next: .stop(reason)) }
}
