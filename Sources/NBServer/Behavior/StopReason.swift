/// Why a server has stopped.
@nonexhaustive
public enum StopReason: Sendable, CustomStringConvertible {
    /// ``Server/stop(within:)``, ``Server/requestStop(within:)`` or ``Server/stopBlocking(within:)`` was called.
    case requested
    /// A signal given to ``Server/run(drainingOn:within:stoppingOn:reporting:)`` stopped the server.
    case signal(Signal)
    /// A callback returned ``Verdict/stop(_:)``, with this reason.
    case verdict(String)
    /// The server was drained. `unfinished` connections had not ended when the time was up.
    case drained(unfinished: Int)
    /// A callback of the behavior other than `newConnection` and `makeWorker` threw this error, or the server cannot go on: its last
    /// listener is down, its mailbox is full, or its engine failed.
    case failed(any Error)

    /// The reason in words.
    public var description: String {
        switch self {
        case .requested: "stop requested"
        case .signal(let signal): "signal \(signal)"
        case .verdict(let reason): reason.isEmpty ? "stopped by the behavior" : "stopped by the behavior: \(reason)"
        case .drained(0): "drained"
        case .drained(let unfinished): "drained, but for \(unfinished) connections that had not ended in time"
        case .failed(let error): "failed: \(error)"
        }
    }
}
