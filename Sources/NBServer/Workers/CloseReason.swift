internal import NBUring

/// Why a worker's connection has ended.
///
/// What had arrived and was not delivered goes along with a detached connection, and is dropped with any other. A peer that ended
/// its side in time loses nothing without a word: ``frameCut(byteCount:)``.
@nonexhaustive
public enum CloseReason: Sendable, CustomStringConvertible {
    /// The worker closed it, and everything that was queued is sent. What the worker had not asked for by then is dropped.
    case closed
    /// As ``closed``, but the peer had ended its side in the middle of a frame, or of what ``WorkerConnection/receive(exactly:)``
    /// asked for. The worker was told of that end, and so many bytes, a header included, were never delivered.
    case frameCut(byteCount: Int)
    /// The worker reset it.
    case reset
    /// The worker gave it away.
    case detached
    /// A callback of the worker threw this error.
    case failed(any Error)
    /// The network ended it, with this error as in `errno(3)`: `ECONNRESET` if the peer did, `ENOMEM` if there is no memory for
    /// buffers to receive into, `EOPNOTSUPP` if the kernel cannot receive; see ``EngineReport/receives``.
    case lost(errno: Int32)
    /// A frame was longer than ``WorkerOptions/frameLimit``.
    case frameTooLong
    /// More was queued than ``WorkerOptions/sendQueueLimit``.
    case queueTooLong
    /// The peer took nothing of what was queued, or did not end its side, for ``ServerOptions/closeTimeLimit`` or, if the worker
    /// has one, ``WorkerOptions/sendTimeLimit``; or the end took longer than ``ServerOptions/wholeCloseTimeLimit``; or a peer that spoke
    /// was heard out for ``ServerOptions/lingerTimeLimit``, or made room for another, see ``ServerOptions/lingerLimit``.
    case expired
    /// The server has stopped.
    case stopped
    /// It had ended before ``ServerContext/monitor(_:)`` was asked to watch it.
    case unknown

    /// The reason in words.
    public var description: String {
        switch self {
        case .closed: "closed"
        case .frameCut(let byteCount):
            "closed: the peer ended its side in the middle of a frame, of which \(byteCount) bytes had come"
        case .reset: "reset"
        case .detached: "detached"
        case .failed(let error): "failed: \(error)"
        case .lost(let errno): "lost: \(errorText(errno))"
        case .frameTooLong: "a frame was longer than WorkerOptions.frameLimit"
        case .queueTooLong: "more was queued than WorkerOptions.sendQueueLimit"
        case .expired:
            "the peer took nothing of what was queued, or did not end its side, within the close limit"
        case .stopped: "the server has stopped"
        case .unknown: "it had ended before it was watched"
        }
    }
}
