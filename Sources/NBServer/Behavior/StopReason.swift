/// Why a server has stopped.
public enum StopReason: Sendable, CustomStringConvertible {
    /// ``Server/stop()`` was called.
    case requested
    /// One of the signals given to ``Server/run(stoppingOn:)`` arrived.
    case signal(Signal)
    /// A callback returned ``Verdict/stop(_:)``, with these words.
    case verdict(String)
    /// `handleInfo` threw this error, or the server cannot go on: its last listener is down, or its ring fails.
    case failed(any Error)

    /// The reason in words.
    public var description: String {
        switch self {
        case .requested: "stop requested"
        case .signal(let signal): "signal \(signal)"
        case .verdict(let reason): reason.isEmpty ? "stopped by the behavior" : "stopped by the behavior: \(reason)"
        case .failed(let error): "failed: \(error)"
        }
    }
}
