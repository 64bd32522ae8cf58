/// An event of a server, for its ``ServerObserver``. <doc:Operations> says what to do about each case.
@nonexhaustive
public enum ServerEvent: Sendable {
    /// The behavior has begun, on these addresses and this engine. The report says why it is this engine.
    case began([SocketAddress], engine: EngineReport)
    /// A listener was added.
    case listenerAdded(SocketAddress)
    /// A listener was paused.
    case listenerPaused(SocketAddress)
    /// A listener was resumed.
    case listenerResumed(SocketAddress)
    /// The behavior hears this.
    case info(ServerInfo)
    /// A message, or a request to finish, reached a worker whose connection had ended.
    case messageUndelivered(ConnectionID)
    /// Messages wait from now on.
    case suspended
    /// Messages are handled again.
    case resumed
    /// Every listener is closed, and `terminate` has run.
    case terminated(StopReason)
}
