internal import Uring

/// What a turn of the loop leaves to its host.
enum TurnEnd: Hashable {
    /// Another turn: something is due, or the turn may wait by itself.
    case again
    /// Nothing is due. Another turn when the engine has something, or at this time at the latest; `nil`: only then.
    case wait(until: Instant?)
    /// Nothing: the loop has ended.
    case done
}
