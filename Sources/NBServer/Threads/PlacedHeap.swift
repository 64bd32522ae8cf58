/// A binary heap that tells where each of its entries is, so that any can be taken out.
///
/// Owned by a ``DeadlineHeap`` or by the ``ConnectionDeadlines``; by one thread at a time.
struct PlacedHeap<Entry: HeapEntry> {
    private var entries: [Entry] = []
    /// Where the entries are. Code that takes one out strikes it out here.
    var places: Entry.Places

    init(places: Entry.Places) {
        self.places = places
    }

    var count: Int { entries.count }
    var first: Entry? { entries.first }

    subscript(place: Int) -> Entry { entries[place] }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        entry.note(entries.count - 1, in: &places)
        rise(entries.count - 1)
    }

    @discardableResult
    mutating func remove(at place: Int) -> Entry {
        let entry = entries[place]
        let last = entries.removeLast()
        if place < entries.count {
            put(last, at: place)
            rise(place)
            sink(place)
        }
        return entry
    }

    private mutating func put(_ entry: Entry, at place: Int) {
        entries[place] = entry
        entry.note(place, in: &places)
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
            for child in 2 * place + 1...2 * place + 2 where child < entries.count {
                if entries[child].precedes(entries[first]) { first = child }
            }
            guard first != place else { return }
            swap(place, first)
            place = first
        }
    }
}

/// What a ``PlacedHeap`` orders, and what is told where it is there.
protocol HeapEntry {
    /// Where the places are written down; nothing, if each entry knows its own.
    associatedtype Places

    func precedes(_ other: Self) -> Bool

    /// It is at this place from now on.
    func note(_ place: Int, in places: inout Places)
}
