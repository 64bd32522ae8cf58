/// What the library reports to a behavior, through ``NonBlockingServer/handleInfo(_:in:)``. <doc:Operations> says what to do about each
/// case.
@nonexhaustive
public enum ServerInfo: Sendable {
    /// No callback of the behavior ran for as long as the last verdict said; see ``Verdict/continue(timeout:)``.
    case timeout

    /// A timer is due; see ``ServerContext/startTimer(after:)``.
    case timer(TimerID)

    /// A signal that ``Server/run(drainingOn:within:stoppingOn:reporting:)`` reports has come, once or several times.
    case signal(Signal)

    /// `newConnection`, `makeWorker`, or a callback or task of the connection's worker threw this error, or an option of the worker is out
    /// of its range. The connection is closed, unless the behavior has stored it.
    case connectionFailed(ConnectionID, any Error)

    /// A worker that ``ServerContext/monitor(_:)`` watches has ended: its connection's ID, and why. Reported once, after the worker's own
    /// `closed`.
    case workerEnded(ConnectionID, CloseReason)

    /// A kept connection has ended by itself: something could not be sent on it or, if its peer is watched, the peer has ended its side or
    /// reset.
    case connectionLost(ConnectionID)

    /// The listener cannot accept for now. Clients wait in its accept queue. It tries again after 250 ms, 500 ms, then every second. If
    /// descriptors or memory ran out, it also tries when the server frees a descriptor, so a behavior may close connections that it can do
    /// without. Reported once until the listener has recovered.
    case listenerParked(SocketAddress, cause: ServerError)

    /// Descriptors have run out, and the listener resets its clients, as ``ServerOptions/Exhaustion/shed`` asks. A behavior may close
    /// connections that it can do without. Reported once until the listener has recovered.
    case listenerShedding(SocketAddress, cause: ServerError)

    /// A listener that parked, or shed clients, has delivered a connection again.
    case listenerRecovered(SocketAddress)

    /// A client of the listener was not let in at once, because of a limit of ``ServerOptions/admission``. Clients that wait at the limit
    /// are let in as connections end or time passes. Reported once until ``listenerBelowLimit(_:)``.
    case listenerAtLimit(SocketAddress, AdmissionReason)

    /// A client of a listener that was at a limit was let in at once again.
    case listenerBelowLimit(SocketAddress)

    /// The listener will not accept any more. When the last listener goes down, the server stops with that error.
    case listenerDown(SocketAddress, cause: ServerError)

    /// A listener was removed as asked, and its address is free.
    case listenerRemoved(SocketAddress)

    /// The server drains: it accepts no new clients, and stops when its connections have ended or this time is up. A behavior that holds
    /// connections ends them now.
    case draining(within: Duration)
}
