/// Why a task cannot receive or send bytes.
@nonexhaustive
public enum ByteStreamError: Error, Sendable, CustomStringConvertible {
    /// The connection has ended, for this reason.
    case ended(CloseReason)
    /// A time limit of the connection's ``WorkerOptions`` has passed, which ended the connection.
    case timedOut(TimeLimit)
    /// The peer ended its side in the middle of a frame, of which `byteCount` bytes had arrived.
    case frameCut(byteCount: Int)
    /// The output was finished before.
    case outputFinished
    /// The connection was closed, reset or used before.
    case taken

    /// The cause in one line, with the cure if the cause does not show it.
    public var description: String {
        switch self {
        case .ended(let reason): "the connection has ended: \(reason)"
        case .timedOut(let limit): "the connection has ended: its \(limit) time limit has passed"
        case .frameCut(let byteCount):
            "the peer ended its side in the middle of a frame, of which \(byteCount) bytes had come"
        case .outputFinished: "the output was finished before: send first, then finish"
        case .taken: "the connection was closed, reset or used before: use it once, by withBytes"
        }
    }
}
