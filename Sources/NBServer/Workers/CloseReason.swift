internal import NBUring

/// Why a worker's connection has ended.
///
/// Input that was not delivered goes along with a detached connection, and is dropped with any other. If the peer ended its side,
/// ``frameCut(byteCount:)`` reports input that could not be delivered.
@nonexhaustive
public enum CloseReason: Sendable, CustomStringConvertible {
    /// The worker closed the connection, and everything that was queued is sent.
    case closed
    /// Like ``closed``, but the peer had ended its side in the middle of a frame, or of what ``WorkerConnection/receive(exactly:)`` asked
    /// for. `byteCount` bytes, a header included, were never delivered.
    case frameCut(byteCount: Int)
    /// The worker reset the connection.
    case reset
    /// The worker detached the connection or handed it off.
    case detached
    /// A callback or a task of the worker threw this error, or the worker asked for something out of its range.
    case failed(any Error)
    /// The network ended the connection, with this error of `errno(3)`: `ECONNRESET` if the peer reset it, `ENOMEM` if there is no memory
    /// for receive buffers, `EOPNOTSUPP` if the engine cannot receive (``EngineReport/receives``).
    case lost(errno: Int32)
    /// A frame was longer than ``WorkerOptions/frameLimit``.
    case frameTooLong
    /// More bytes were queued than ``WorkerOptions/sendQueueLimit`` allows.
    case queueTooLong
    /// A limit on the end of the connection has passed, and the connection was reset. One of these:
    ///
    /// - The peer took none of the queued bytes, or did not end its side, for ``ServerOptions/closeTimeLimit`` or, if the worker has one,
    ///   ``WorkerOptions/sendTimeLimit``.
    /// - The end took longer than ``ServerOptions/wholeCloseTimeLimit``.
    /// - The peer was heard out for ``ServerOptions/lingerTimeLimit``, or was the oldest of more than ``ServerOptions/lingerLimit``.
    case expired
    /// The server has stopped.
    case stopped
    /// The connection had ended before ``ServerContext/monitor(_:)`` was asked to watch it.
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
