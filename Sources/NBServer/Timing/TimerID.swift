/// The name of a timer; see ``ServerContext/startTimer(after:)``. No two timers of a server ever have the same name.
public struct TimerID: Hashable, Sendable {
    let number: UInt64
}
