/// Why a call has no answer.
@nonexhaustive
public enum CallError: Error, Sendable, CustomStringConvertible {
    /// No answer came within this time, or the process could not make the thread that watches the time (`EAGAIN` of `pthread_create(3)`).
    /// The server may still answer; that answer is dropped.
    case timeout(Duration)
    /// The server has stopped, or is about to, for this reason.
    case stopped(StopReason)
    /// The server dropped the ``Caller`` without a reply.
    case unanswered
    /// The task that waited was cancelled.
    case cancelled
    /// `limit` messages wait already; see ``ServerOptions/mailboxLimit``.
    case mailboxFull(limit: Int)
    /// The server called itself, and would have waited for itself.
    case calledItself

    /// The cause in one line, with the cure if the cause does not show it.
    public var description: String {
        switch self {
        case .timeout(let limit): "no answer within \(limit): the server is busy, or has not begun to run"
        case .stopped(let reason): "the server has stopped: \(reason)"
        case .unanswered:
            "the server dropped the caller without a reply"
        case .cancelled: "the task was cancelled"
        case .mailboxFull(let limit):
            "\(limit) messages wait already, as many as ServerOptions.mailboxLimit allows; send less often, or raise it"
        case .calledItself: "a server cannot wait for itself; use its state, or cast"
        }
    }
}
