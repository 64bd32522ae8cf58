/// Whether a descriptor was freed lately, so that listeners that parked for want of one may try again.
///
/// A descriptor counts as freed for two turns: an accept may have failed just before the close of the same turn.
/// Part of the ``ConnectionTable``, which closes and submits closes; loop's thread only.
///
/// ```
///  none ── one is closed ──▶ in this turn ── the next turn ──▶ in the turn before ── the next turn ──▶ none
/// ```
struct FreedDescriptor {
    /// A descriptor was freed, and listeners have not been woken for it.
    private(set) var isNews = false
    private var wasLastTurn = false

    mutating func note() {
        isNews = true
    }

    /// Notes a descriptor that had left the server, if its owner has closed one.
    mutating func note(from control: LoopControl) {
        if control.takeFreedDescriptor() { note() }
    }

    /// Asked once a turn.
    ///
    /// - Parameter keepsBack: the engine keeps back what a kernel short of memory did not take. The close may be among it, so it
    ///   counts from the turn after.
    /// - Returns: whether parked listeners are to try again in this turn.
    mutating func takeTurn(keepsBack: Bool) -> Bool {
        let wakes = !keepsBack && (isNews || wasLastTurn)
        wasLastTurn = isNews || keepsBack && wasLastTurn
        isNews = false
        return wakes
    }
}
