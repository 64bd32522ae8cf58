/// What a callback wants the server to do next.
public struct Verdict: Hashable, Sendable {
    let stopReason: String?

    /// Go on serving.
    public static var `continue`: Verdict { Verdict(stopReason: nil) }

    /// Stop: connections accepted and not yet delivered are reset and counted, then every listener is closed, then
    /// ``NonBlockingServer/terminate(_:_:)`` runs.
    public static var stop: Verdict { Verdict(stopReason: "") }

    /// Stop, and say why; the reason comes back in ``StopReason/verdict(_:)``.
    public static func stop(_ reason: String) -> Verdict { Verdict(stopReason: reason) }
}
