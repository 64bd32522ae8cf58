/// Something that happened to a server, for its ``ServerObserver``.
@nonexhaustive
public enum ServerEvent: Sendable {
    /// The behavior has begun, on these addresses and on this engine; the report says why it is that one.
    case began([SocketAddress], engine: EngineReport)
    /// A listener was added.
    case listenerAdded(SocketAddress)
    /// A listener was paused.
    case listenerPaused(SocketAddress)
    /// A listener was resumed.
    case listenerResumed(SocketAddress)
    /// The behavior is told this.
    case info(ServerInfo)
    /// A message, or the wish that it finish, was for a worker whose connection had ended.
    case messageUndelivered(ConnectionID)
    /// Messages wait from now on.
    case suspended
    /// Messages are handled again.
    case resumed
    /// Every listener is closed, and `terminate` has run.
    case terminated(StopReason)
}
