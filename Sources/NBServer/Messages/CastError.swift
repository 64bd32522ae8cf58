/// Why a message was not taken.
public enum CastError: Error, Sendable, CustomStringConvertible {
    /// The server has stopped, or is about to, for this reason.
    case stopped(StopReason)
    /// So many messages wait already; see ``ServerOptions/mailboxLimit``.
    case mailboxFull(limit: Int)
    /// The worker that has this connection is another server's. Only that server knows whether it is still there.
    case otherServer(ConnectionID)

    /// Cause and cure in one line.
    public var description: String {
        switch self {
        case .stopped(let reason): "the server has stopped: \(reason)"
        case .mailboxFull(let limit):
            "\(limit) messages wait already, as many as ServerOptions.mailboxLimit allows"
        case .otherServer(let connection): UnknownConnection.otherServer(connection)
        }
    }
}
