/// What a server has counted since it began.
///
/// Every connection the kernel accepted for the server was given to `newConnection` once, or reset, unless it still waits: never both,
/// never neither.
public struct ServerCounters: Hashable, Sendable {
    /// Connections the kernel accepted for the server.
    public var accepted: UInt64 { delivered + discarded + waiting - adopted }
    /// Connections given to `newConnection`.
    public internal(set) var delivered: UInt64 = 0
    /// Connections that came from elsewhere, and were given to `newConnection` or reset like those that were accepted; see
    /// ``Server/adopt(_:)``.
    public internal(set) var adopted: UInt64 = 0
    /// Connections reset, or told a last word, without being delivered: because the server was stopping, to shed them, at a limit, by a
    /// rule, or because their peers were gone.
    public internal(set) var discarded: UInt64 = 0
    /// How many of those discarded were shed; see ``ServerOptions/Exhaustion/shed``.
    public internal(set) var shed: UInt64 = 0
    /// How many of those discarded came at a limit of ``AdmissionLimits`` at which none waits.
    public internal(set) var overLimit: UInt64 = 0
    /// How many of those discarded came from a source that has reached a limit of ``AdmissionLimits/perSource``.
    public internal(set) var overSourceLimit: UInt64 = 0
    /// How many of those discarded came from a source that ``SourceRules`` deny.
    public internal(set) var denied: UInt64 = 0
    /// How many of those discarded had been reset by their peers before their addresses could be asked, which rules and limits by source need.
    public internal(set) var gone: UInt64 = 0
    /// Connections accepted that wait to be delivered, because they came at a limit of ``AdmissionLimits``; as many as there are now.
    public internal(set) var waiting: UInt64 = 0
    /// Connections that ended because `newConnection`, `makeWorker` or a callback of their worker threw.
    public internal(set) var failed: UInt64 = 0
    /// Connections reset because their output could not be sent, or their peer not heard out, within the limits of
    /// ``ServerOptions``.
    public internal(set) var expired: UInt64 = 0
    /// Accept operations armed.
    public internal(set) var armed: UInt64 = 0
    /// Calls and casts that the behavior has handled without an error.
    public internal(set) var messages: UInt64 = 0
    /// Accept operations that failed.
    public internal(set) var acceptFailures: UInt64 = 0
}
