/// The time limit of a worker that has passed.
public enum TimeLimit: Hashable, Sendable {
    /// Nothing was received or sent for ``WorkerOptions/idleTimeLimit``.
    case idle
    /// The input that the worker asked for has not arrived within ``WorkerOptions/receiveTimeLimit``.
    case receive
    /// The peer has taken none of the queued bytes for ``WorkerOptions/sendTimeLimit``.
    case send
}
