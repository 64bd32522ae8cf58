internal import NBEngine

/// Things that are due at some time, the earliest first; each can be taken out again by its number.
///
/// No element stays after its removal. Used by one thread at a time: the one that waits for the deadlines.
struct DeadlineHeap<Element> {
    private struct Entry: HeapEntry {
        let deadline: Instant
        let number: UInt64
        let element: Element

        /// Of things due at the same time, the one that came first.
        func precedes(_ other: Entry) -> Bool { (deadline, number) < (other.deadline, other.number) }

        func note(_ place: Int, in places: inout [UInt64: Int]) { places[number] = place }
    }

    private var heap = PlacedHeap<Entry>(places: [:])

    var count: Int { heap.count }

    /// When the first is due.
    var earliest: Instant? { heap.first?.deadline }

    /// Adds something under a number that nothing else has and that is higher than those before it.
    mutating func insert(_ element: Element, number: UInt64, deadline: Instant) {
        assert(heap.places[number] == nil, "a number is given once")
        heap.insert(Entry(deadline: deadline, number: number, element: element))
    }

    /// Takes out what has this number; `nil` if it is not here any more.
    @discardableResult
    mutating func remove(_ number: UInt64) -> (element: Element, deadline: Instant)? {
        guard let place = heap.places.removeValue(forKey: number) else { return nil }
        let entry = heap.remove(at: place)
        return (entry.element, entry.deadline)
    }

    /// Takes out the first if it is due.
    mutating func removeFirst(dueAt now: Instant) -> Element? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        return remove(first.number)?.element
    }
}
