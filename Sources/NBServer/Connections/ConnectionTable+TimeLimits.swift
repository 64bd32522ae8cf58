// Time limits.
extension ConnectionTable {
    /// When the next limit ends.
    var nextDeadline: Instant? { deadlines.first }

    /// Starts the close limit, unless it runs already.
    mutating func startDeadline(_ slot: Slot) {
        guard !slot.pointee.hasDeadline else { return }
        deadlines.insert(slot, now + closeTimeLimit)
    }

    /// Sees to it that a worker's limits are looked at then, or before.
    mutating func limit(_ slot: Slot, _ deadline: Instant) {
        if slot.pointee.hasDeadline {
            guard deadline < deadlines.deadline(of: slot) else { return }
            deadlines.remove(slot)
        }
        deadlines.insert(slot, deadline)
    }

    @inline(__always)
    mutating func removeDeadline(_ slot: Slot) {
        if slot.pointee.hasDeadline { deadlines.remove(slot) }
    }

    /// Takes a slot whose limit has passed.
    mutating func takeExpired() -> Slot? {
        deadlines.removeFirst(endedAt: now)
    }
}
