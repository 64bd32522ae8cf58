/// What the library itself has to say to a behavior, through ``NonBlockingServer/handleInfo(_:_:)``.
public enum ServerInfo: Sendable {
    /// `newConnection` threw this error; the connection it was given has been closed.
    case connectionFailed(any Error)

    /// A listener cannot accept for now. It tries again by itself, as soon as a descriptor of the server's is freed or
    /// after a second at the most; clients wait in its accept queue meanwhile. Said once until it has recovered; a behavior
    /// that keeps connections it can do without may close some now.
    case listenerParked(SocketAddress, cause: ServerError)

    /// A parked listener has accepted again.
    case listenerRecovered(SocketAddress)

    /// A listener will not accept any more. When the last one goes down the server stops with that error.
    case listenerDown(SocketAddress, cause: ServerError)
}
