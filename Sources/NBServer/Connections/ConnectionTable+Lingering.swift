internal import NBEngine

// Connections whose peers spoke and are heard out: each for a time, and of each listener so many at the most.
extension ConnectionTable {
    /// A peer has spoken and was not heard, or may speak while the kernel sends. Returns whether it is heard out.
    @inline(never)
    mutating func beginToHearOut(_ slot: Slot) -> Bool {
        guard slot.pointee.phase == .lingering else {
            startDeadline(slot)
            return true
        }
        if slot.pointee.clocks == nil { startClocks(slot) }
        slot.pointee.clocks?.pointee.noteLingering(now)
        limit(slot, now + firstLingerLimit)
        let line = line(of: slot)
        while lingering.count <= line { lingering.append(LingeringLine()) }
        lingering[line].add(slot.pointee.token)
        if lingering[line].isMostlyLeft { forgetThoseWhoLeft(line) }
        if lingering[line].count > lingerLimit { expireOldest(line) }
        return slot.pointee.phase == .lingering
    }

    /// A connection is not heard out any more.
    @inline(never)
    mutating func endLingering(_ slot: Slot) {
        lingering[line(of: slot)].noteLeft()
    }

    /// By the place of the listener it came by. The first is for those that came from elsewhere, whose listener has the greatest number.
    private func line(of slot: Slot) -> Int { Int(slot.pointee.listener.index &+ 1) }

    private mutating func expireOldest(_ line: Int) {
        while let token = lingering[line].popFirst() {
            if let oldest = slot(token), oldest.pointee.phase == .lingering { return expire(oldest) }
        }
    }

    private mutating func forgetThoseWhoLeft(_ line: Int) {
        for _ in 0..<lingering[line].length {
            guard let token = lingering[line].popFirst() else { return }
            if let slot = slot(token), slot.pointee.phase == .lingering { lingering[line].putBack(token) }
        }
    }
}

/// A listener's connections that are heard out, in the order in which that began.
///
/// One that leaves stays in the line until its turn comes, or until most have left. Owned by the ``ConnectionTable``.
struct LingeringLine {
    private var tokens = Queue<Token>()
    /// How many are heard out.
    private(set) var count = 0

    /// How many are in the line, those that have left among them.
    var length: Int { tokens.count }

    var isMostlyLeft: Bool { length > 2 * count + 64 }

    mutating func add(_ token: Token) {
        tokens.append(token)
        count += 1
    }

    mutating func noteLeft() { count -= 1 }

    mutating func popFirst() -> Token? { tokens.popFirst() }

    mutating func putBack(_ token: Token) { tokens.append(token) }
}
