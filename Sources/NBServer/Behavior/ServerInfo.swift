/// What the library itself has to say to a behavior, through ``NonBlockingServer/handleInfo(_:_:)``.
public enum ServerInfo: Sendable {
    /// `newConnection` threw this error; the connection it was given is closed, unless the behavior has stored it.
    case connectionFailed(any Error)

    /// A listener cannot accept for now; clients wait in its accept queue. It tries again after 250 ms, 500 ms, then every
    /// second; if descriptors or memory ran out, also as soon as the server frees a descriptor, so a behavior that keeps
    /// connections it can do without may close some now. Said once until it has recovered.
    case listenerParked(SocketAddress, cause: ServerError)

    /// Descriptors have run out, and the listener resets its clients, as ``ServerOptions/Exhaustion/shed`` asks; a behavior that
    /// keeps connections it can do without may close some now. Said once until it has recovered.
    case listenerShedding(SocketAddress, cause: ServerError)

    /// A listener that parked, or shed clients, has accepted one for the behavior again.
    case listenerRecovered(SocketAddress)

    /// A listener will not accept any more. When the last one goes down the server stops with that error.
    case listenerDown(SocketAddress, cause: ServerError)
}
