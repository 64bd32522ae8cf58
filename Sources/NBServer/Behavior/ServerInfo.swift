/// What the library itself has to say to a behavior, through ``NonBlockingServer/handleInfo(_:in:)``.
@nonexhaustive
public enum ServerInfo: Sendable {
    /// No callback has run for as long as the last verdict said; see ``Verdict/continue(timeout:)``.
    case timeout

    /// A timer's time has come; see ``ServerContext/startTimer(after:)``.
    case timer(TimerID)

    /// One of the signals given to ``Server/run(drainingOn:within:stoppingOn:reporting:)`` has come, once or several times.
    case signal(Signal)

    /// `newConnection` or `makeWorker`, or a callback of a connection's worker, threw this error. That connection is closed,
    /// unless the behavior has stored it.
    case connectionFailed(ConnectionID, any Error)

    /// A worker that ``ServerContext/monitor(_:)`` watches has ended: its connection's name, and why. Told once, after the worker itself.
    case workerEnded(ConnectionID, CloseReason)

    /// A kept connection has ended by itself: something could not be sent on it.
    case connectionLost(ConnectionID)

    /// A listener cannot accept for now; clients wait in its accept queue. It tries again after 250 ms, 500 ms, then every
    /// second; if descriptors or memory ran out, also as soon as the server frees a descriptor, so a behavior that keeps
    /// connections it can do without may close some now. Said once until it has recovered.
    case listenerParked(SocketAddress, cause: ServerError)

    /// Descriptors have run out, and the listener resets its clients, as ``ServerOptions/Exhaustion/shed`` asks; a behavior that
    /// keeps connections it can do without may close some now. Said once until it has recovered.
    case listenerShedding(SocketAddress, cause: ServerError)

    /// A listener that parked, or shed clients, has accepted one for the behavior again.
    case listenerRecovered(SocketAddress)

    /// A client of the listener was not let in at once, because of a limit of ``ServerOptions/admission``. If clients wait at that limit,
    /// they are let in as connections end. Said once until ``listenerBelowLimit(_:)``.
    case listenerAtLimit(SocketAddress, AdmissionLimit)

    /// A client of a listener that was at a limit was let in at once again.
    case listenerBelowLimit(SocketAddress)

    /// A listener will not accept any more. When the last one goes down the server stops with that error.
    case listenerDown(SocketAddress, cause: ServerError)

    /// A listener was removed as somebody wished, and its address is free.
    case listenerRemoved(SocketAddress)

    /// The server accepts nobody new and stops when its connections have ended, or after this time; a behavior that holds
    /// connections ends them now, as it sees fit.
    case draining(within: Duration)
}
