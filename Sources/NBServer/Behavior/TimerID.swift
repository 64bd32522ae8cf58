/// The ID of a timer; see ``ServerContext/startTimer(after:)``.
public struct TimerID: Hashable, Sendable, CustomStringConvertible {
    /// Whose timer it is; see ``LoopControl/server``.
    let server: UInt32
    let number: UInt64

    /// The name in a log: `timer 3`.
    public var description: String { "timer \(number)" }
}
