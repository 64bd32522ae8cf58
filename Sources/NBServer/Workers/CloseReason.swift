/// Why a worker's connection has ended.
public enum CloseReason: Sendable {
    /// The worker closed it, and everything that was queued is sent.
    case closed
    /// The worker reset it.
    case reset
    /// The worker gave it away.
    case released
    /// A callback of the worker threw this error.
    case failed(any Error)
    /// The network ended it, with this error as in `errno(3)`: `ECONNRESET` if the peer did.
    case lost(errno: Int32)
    /// A frame was longer than ``WorkerOptions/frameLimit``.
    case frameTooLong
    /// More was queued than ``WorkerOptions/queueLimit``.
    case queueTooLong
    /// The peer did not take what was queued, or did not end its side, within ``ServerOptions/closeTimeLimit``.
    case expired
    /// The server has stopped.
    case stopped
}
