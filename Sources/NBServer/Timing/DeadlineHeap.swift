/// Things that are due at some time, the earliest first; each can be taken out again by its number.
///
/// A binary heap that knows where everything is, so that nothing stays in it for longer than it is wanted. Owned by whoever
/// waits for the deadlines.
struct DeadlineHeap<Element> {
    private struct Entry {
        let deadline: Instant
        let number: UInt64
        let element: Element

        /// Of things due at the same time, the one that came first.
        func precedes(_ other: Entry) -> Bool { (deadline, number) < (other.deadline, other.number) }
    }

    private var entries: [Entry] = []
    private var places: [UInt64: Int] = [:]

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    /// When the first is due.
    var earliest: Instant? { entries.first?.deadline }

    /// Adds something under a number that nothing else has and that is higher than those before it.
    mutating func insert(_ element: Element, number: UInt64, deadline: Instant) {
        assert(places[number] == nil, "a number is given once")
        entries.append(Entry(deadline: deadline, number: number, element: element))
        places[number] = entries.count - 1
        rise(entries.count - 1)
    }

    /// Takes out what has this number; `nil` if it is not here any more.
    @discardableResult
    mutating func remove(_ number: UInt64) -> (element: Element, deadline: Instant)? {
        guard let place = places.removeValue(forKey: number) else { return nil }
        let entry = entries[place]
        let last = entries.removeLast()
        if place < entries.count {
            put(last, at: place)
            rise(place)
            sink(place)
        }
        return (entry.element, entry.deadline)
    }

    /// Takes out the first if it is due.
    mutating func removeFirst(dueAt now: Instant) -> Element? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        return remove(first.number)?.element
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        entries[place] = entry
        places[entry.number] = place
    }

    private mutating func swap(_ one: Int, _ other: Int) {
        let entry = entries[one]
        put(entries[other], at: one)
        put(entry, at: other)
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, entries[place].precedes(entries[(place - 1) / 2]) {
            swap(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var first = place
            for child in [2 * place + 1, 2 * place + 2] where child < entries.count {
                if entries[child].precedes(entries[first]) { first = child }
            }
            guard first != place else { return }
            swap(place, first)
            place = first
        }
    }
}
