/// Plain values in the order in which they came, in memory that grows and is kept: a queue that is as long as before allocates
/// nothing.
///
/// Unlike ``Queue`` for values that need no release, which can be taken in runs. Owned by one thread.
struct GrowingRing<Element: BitwiseCopyable>: ~Copyable {
    private var storage: UnsafeMutablePointer<Element>
    /// A power of two.
    private var capacity: Int
    private var head = 0
    private(set) var count = 0

    /// An empty ring with room for at least `capacity` elements.
    init(capacity: Int) {
        self.capacity = 1
        while self.capacity < capacity { self.capacity *= 2 }
        storage = .allocate(capacity: self.capacity)
    }

    deinit {
        storage.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { grow() }
        // An empty ring begins anew, in memory that is in the cache.
        if count == 0 { head = 0 }
        (storage + (head &+ count) & (capacity &- 1)).initialize(to: element)
        count &+= 1
    }

    @inline(__always)
    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = storage[head]
        head = (head &+ 1) & (capacity &- 1)
        count &-= 1
        return element
    }

    /// Takes the first elements that lie next to each other, at most `limit`. They stay where they are until the next is appended.
    mutating func takeRun(upTo limit: Int) -> UnsafeBufferPointer<Element> {
        let run = UnsafeBufferPointer(start: storage + head, count: min(limit, count, capacity - head))
        head = (head + run.count) & (capacity - 1)
        count -= run.count
        return run
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: 2 * capacity)
        for offset in 0..<count { (larger + offset).initialize(to: storage[(head + offset) & (capacity - 1)]) }
        storage.deallocate()
        (storage, capacity, head) = (larger, 2 * capacity, 0)
    }
}
