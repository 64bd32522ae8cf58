/// Which of a worker's time limits has passed.
public enum TimeLimit: Hashable, Sendable {
    /// Nothing was received or sent for ``WorkerOptions/idleTimeLimit``.
    case idle
    /// What the worker asked for has not come within ``WorkerOptions/receiveTimeLimit``.
    case receive
    /// The peer has taken nothing of what is queued for ``WorkerOptions/sendTimeLimit``.
    case send
}
