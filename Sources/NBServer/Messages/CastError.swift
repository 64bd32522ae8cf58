/// Why a message was not delivered.
@nonexhaustive
public enum CastError: Error, Sendable, CustomStringConvertible {
    /// The server has stopped, or is about to, for this reason.
    case stopped(StopReason)
    /// `limit` messages wait already; see ``ServerOptions/mailboxLimit``.
    case mailboxFull(limit: Int)
    /// The connection was taken, or adopted, before.
    case connectionTaken
    /// The worker of this connection has ended.
    case workerGone(ConnectionID)

    /// The cause in one line, with the cure if the cause does not show it.
    public var description: String {
        switch self {
        case .stopped(let reason): "the server has stopped: \(reason)"
        case .mailboxFull(let limit):
            "\(limit) messages wait already, as many as ServerOptions.mailboxLimit allows; send less often, or raise it"
        case .connectionTaken: "the connection was taken already: a detached connection can be given away once"
        case .workerGone(let connection): "the worker of \(connection) has ended: forget it"
        }
    }
}
