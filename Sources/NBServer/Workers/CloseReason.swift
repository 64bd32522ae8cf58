internal import Uring

/// Why a worker's connection has ended.
public enum CloseReason: Sendable, CustomStringConvertible {
    /// The worker closed it, and everything that was queued is sent.
    case closed
    /// The worker reset it.
    case reset
    /// The worker gave it away.
    case released
    /// A callback of the worker threw this error.
    case failed(any Error)
    /// The network ended it, with this error as in `errno(3)`: `ECONNRESET` if the peer did, `ENOMEM` if there is no memory for
    /// buffers to receive into, `EOPNOTSUPP` if the kernel cannot receive; see ``ServerContext/ringFeatures``.
    case lost(errno: Int32)
    /// A frame was longer than ``WorkerOptions/frameLimit``.
    case frameTooLong
    /// More was queued than ``WorkerOptions/queueLimit``.
    case queueTooLong
    /// The peer took nothing of what was queued, or did not end its side, for ``ServerOptions/closeTimeLimit`` or, if the worker
    /// has one, ``WorkerOptions/sendTimeLimit``; or the end took longer than ``ServerOptions/wholeCloseTimeLimit``.
    case expired
    /// The server has stopped.
    case stopped

    /// The reason in words.
    public var description: String {
        switch self {
        case .closed: "closed"
        case .reset: "reset"
        case .released: "released"
        case .failed(let error): "failed: \(error)"
        case .lost(let errno): "lost: \(errorText(errno))"
        case .frameTooLong: "a frame was longer than WorkerOptions.frameLimit"
        case .queueTooLong: "more was queued than WorkerOptions.queueLimit"
        case .expired:
            "the peer took nothing of what was queued, or did not end its side, within the close limit"
        case .stopped: "the server has stopped"
        }
    }
}
