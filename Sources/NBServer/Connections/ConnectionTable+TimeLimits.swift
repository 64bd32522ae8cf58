internal import NBEngine

// Time limits.
extension ConnectionTable {
    /// When the next limit ends.
    var nextDeadline: Instant? { deadlines.first }

    /// A connection gets its first time limit: its clocks start.
    mutating func startClocks(_ slot: Slot) {
        let index = Int(slot.pointee.token.slot)
        while clockPages.capacity <= index { clockPages.grow() }
        let clocks = clockPages.address(index).bindMemory(to: LimitClocks.self, capacity: 1)
        clocks.initialize(to: LimitClocks(since: now))
        slot.pointee.clocks = clocks
    }

    /// The limits of a worker that has just got its connection begin.
    @inline(never)
    mutating func startLimits(_ slot: Slot) {
        startClocks(slot)
        if let end = slot.nextLimit { limit(slot, end) }
    }

    /// Starts the close limit, unless it runs already. A worker's own limit may still wait to be looked at; then it runs since
    /// the worker has left the connection.
    mutating func startDeadline(_ slot: Slot) {
        if slot.pointee.hasDeadline, let clocks = slot.pointee.clocks {
            return limit(slot, clocks.pointee.endingSince + firstCloseLimit)
        }
        startClocks(slot)
        deadlines.insert(slot, now + firstCloseLimit)
    }

    /// The operations of a turn leave when its callbacks have returned. If these took long, the limits that began in the turn begin
    /// when they leave: no peer could answer before.
    @inline(__always)
    mutating func noteTime() {
        if deadlines.count > 0 { moveClocks() } else { time.forget() }
    }

    @inline(never)
    private mutating func moveClocks() {
        let (turn, now) = (now, time.read())
        guard turn.duration(to: now) > Lateness.tolerance else { return }
        for index in 0..<deadlines.count { deadlines[index].pointee.clocks?.pointee.move(from: turn, to: now) }
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
        deadlines.count > 0 ? deadlines.removeFirst(endedAt: now) : nil
    }

    /// A receive has told so much of what a limit may wait for.
    @inline(__always)
    mutating func hear(_ slot: Slot, _ count: Int) {
        if let clocks = slot.pointee.clocks { heard(slot, clocks, count) }
    }

    @inline(never)
    private mutating func heard(_ slot: Slot, _ clocks: UnsafeMutablePointer<LimitClocks>, _ count: Int) {
        if clocks.pointee.hear(count) { limit(slot, now) }
    }
}
