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
    /// Connections reset without being delivered: because the server was stopping, to shed them, or at a limit.
    public internal(set) var discarded: UInt64 = 0
    /// How many of those discarded were shed; see ``ServerOptions/Exhaustion/shed``.
    public internal(set) var shed: UInt64 = 0
    /// How many of those discarded came at a limit of ``AdmissionLimits`` that resets them.
    public internal(set) var overLimit: UInt64 = 0
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
