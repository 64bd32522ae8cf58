internal import NBEngine

// Time limits.
extension ConnectionTable {
    /// When the next limit ends.
    var nextDeadline: Instant? { deadlines.first }

    /// Starts the close limit, unless it runs already. A worker's own limit may still wait to be looked at; then it runs since
    /// the worker has left the connection.
    mutating func startDeadline(_ slot: Slot) {
        if slot.pointee.hasDeadline { return limit(slot, slot.pointee.waits.endingSince + firstCloseLimit) }
        slot.pointee.waits = Waits(since: now)
        deadlines.insert(slot, now + firstCloseLimit)
    }

    /// When the close limit is first looked at.
    private var firstCloseLimit: Duration { min(closeTimeLimit, wholeCloseTimeLimit ?? closeTimeLimit) }

    /// Limits that began at an instant begin at the present one.
    mutating func moveLimits(from instant: Instant) {
        for index in 0..<deadlines.count { deadlines[index].pointee.waits.move(from: instant, to: now) }
    }

    /// Sees to it that a limit is looked at then, or before.
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
