internal import NBEngine

/// The connections that have a time limit, the one whose limit ends first in front.
///
/// Each slot knows its place, so that it can be taken out. Owned by the ``ConnectionTable``; loop's thread only.
struct ConnectionDeadlines: ~Copyable {
    typealias Slot = UnsafeMutablePointer<ConnectionSlot>

    private struct Entry: HeapEntry {
        let deadline: Instant
        let slot: Slot

        func precedes(_ other: Entry) -> Bool { deadline < other.deadline }

        func note(_ place: Int, in places: inout Void) { slot.pointee.heapIndex = Int32(truncatingIfNeeded: place) }
    }

    private var heap = PlacedHeap<Entry>(places: ())

    init() {}

    var count: Int { heap.count }

    /// The slots, in no order.
    subscript(index: Int) -> Slot { heap[index].slot }

    /// When the first limit ends.
    var first: Instant? { heap.first?.deadline }

    /// The end of a slot's limit; it must have one.
    func deadline(of slot: Slot) -> Instant { heap[Int(slot.pointee.heapIndex)].deadline }

    mutating func insert(_ slot: Slot, _ deadline: Instant) {
        assert(!slot.pointee.hasDeadline, "a connection has one limit at a time")
        heap.insert(Entry(deadline: deadline, slot: slot))
    }

    mutating func remove(_ slot: Slot) {
        heap.remove(at: Int(slot.pointee.heapIndex))
        slot.pointee.heapIndex = -1
    }

    /// Takes the first slot if its limit has ended.
    mutating func removeFirst(endedAt now: Instant) -> Slot? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        remove(first.slot)
        return first.slot
    }
}
