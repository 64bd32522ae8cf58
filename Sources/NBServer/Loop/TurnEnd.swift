internal import NBEngine

/// What a turn of the loop leaves to its host.
enum TurnEnd: Hashable {
    /// Another turn: something is due, or the turn may wait by itself.
    case again
    /// Another turn when the engine's descriptor is readable; that is at this time at the latest, if there is one.
    case wait(until: Instant?)
    /// Nothing: the loop has ended.
    case done
}
