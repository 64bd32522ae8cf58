/// The connections that have a time limit, the one whose limit ends first in front.
///
/// A binary heap: each slot knows its place in it, so that it can be taken out. Owned by the
/// ``ConnectionTable``; loop's thread only.
struct ConnectionDeadlines: ~Copyable {
    typealias Slot = UnsafeMutablePointer<ConnectionSlot>

    private struct Entry {
        let deadline: Instant
        let slot: Slot
    }

    private var entries: [Entry] = []

    init() {}

    /// When the first limit ends.
    var first: Instant? { entries.first?.deadline }

    /// The end of a slot's limit; it must have one.
    func deadline(of slot: Slot) -> Instant { entries[Int(slot.pointee.deadlinePlace)].deadline }

    mutating func insert(_ slot: Slot, _ deadline: Instant) {
        assert(!slot.pointee.hasDeadline, "a connection has one limit at a time")
        entries.append(Entry(deadline: deadline, slot: slot))
        slot.pointee.deadlinePlace = Int32(truncatingIfNeeded: entries.count - 1)
        rise(entries.count - 1)
    }

    mutating func remove(_ slot: Slot) {
        let place = Int(slot.pointee.deadlinePlace)
        slot.pointee.deadlinePlace = -1
        let last = entries.removeLast()
        guard place < entries.count else { return }
        put(last, at: place)
        rise(place)
        sink(place)
    }

    /// Takes the first slot if its limit has ended.
    mutating func removeFirst(endedAt now: Instant) -> Slot? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        remove(first.slot)
        return first.slot
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        entries[place] = entry
        entry.slot.pointee.deadlinePlace = Int32(truncatingIfNeeded: place)
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        let entry = entries[one]
        put(entries[other], at: one)
        put(entry, at: other)
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, entries[place].deadline < entries[(place - 1) / 2].deadline {
            swap(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var first = place
            for child in 2 * place + 1...2 * place + 2 where child < entries.count {
                if entries[child].deadline < entries[first].deadline { first = child }
            }
            guard first != place else { return }
            swap(place, first)
            place = first
        }
    }
}
