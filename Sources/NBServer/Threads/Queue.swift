/// Elements in the order in which they came: a ring that grows.
///
/// Adding and taking cost the same however many there are, where `Array.removeFirst()` moves all that are left. An element is
/// released when it is taken. Memory for as many as there ever were is kept, up to a limit, so that a queue that is as long
/// as before allocates nothing. Owned by one thread.
struct Queue<Element> {
    /// Empty places are `nil`; the count is 0 or a power of two.
    private var places: [Element?] = []
    private var head = 0
    private(set) var count = 0

    /// How many places an empty queue keeps.
    static var keptCapacity: Int { 1024 }

    init() {}

    var isEmpty: Bool { count == 0 }

    /// For how many elements there is memory.
    var capacity: Int { places.count }

    /// Adds an element behind the others.
    mutating func append(_ element: Element) {
        if count == places.count { grow() }
        places[(head + count) & (places.count - 1)] = element
        count += 1
    }

    /// Takes the element that came first, or `nil` if there is none.
    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = places[head].take()
        head = (head + 1) & (places.count - 1)
        count -= 1
        if count == 0 && places.count > Self.keptCapacity { self = Queue() }
        return element
    }

    private mutating func grow() {
        var larger: [Element?] = []
        larger.reserveCapacity(max(8, 2 * places.count))
        for offset in 0..<count { larger.append(places[(head + offset) & (places.count - 1)].take()) }
        for _ in count..<max(8, 2 * places.count) { larger.append(nil) }
        (places, head) = (larger, 0)
    }
}
