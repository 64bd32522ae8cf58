internal import NBEngine

// Time limits.
extension ConnectionTable {
    /// When the next limit ends.
    var nextDeadline: Instant? { deadlines.first }

    /// Starts the close limit, unless it runs already. A worker's own limit may still wait to be looked at; then it runs since
    /// the worker has left the connection.
    mutating func startDeadline(_ slot: Slot) {
        if slot.pointee.hasDeadline { return limit(slot, slot.pointee.clocks.endingSince + firstCloseLimit) }
        slot.pointee.clocks = LimitClocks(since: now)
        deadlines.insert(slot, now + firstCloseLimit)
    }

    /// The operations of a turn leave when its callbacks have returned. If these took long, the limits that began in the turn begin
    /// when they leave: no peer could answer before.
    @inline(__always)
    mutating func noteTime(_ time: Instant) {
        let turn = now
        now = time
        if deadlines.count > 0 { moveClocks(from: turn, to: time) }
    }

    @inline(never)
    private mutating func moveClocks(from turn: Instant, to time: Instant) {
        guard turn.duration(to: time) > Lateness.tolerance else { return }
        for index in 0..<deadlines.count { deadlines[index].pointee.clocks.move(from: turn, to: time) }
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

    /// A receive has told so much of what a limit may wait for.
    @inline(__always)
    mutating func hear(_ slot: Slot, _ count: Int) {
        if slot.pointee.clocks.hearing != .notAsked { heard(slot, count) }
    }

    @inline(never)
    private mutating func heard(_ slot: Slot, _ count: Int) {
        if slot.pointee.clocks.hear(count) { limit(slot, now) }
    }
}
