/// A bounded batch of completions, copied out of a ring before any of them is acted on.
///
/// Acting on a completion may submit more and thereby produce more; whoever walks a batch walks a copy that does
/// not change under it. Owned and used by the thread that owns the ring; allocated once.
public struct CompletionBatch: ~Copyable {
    /// How many completions fit.
    public let capacity: Int

    /// How many completions the batch holds.
    public private(set) var count = 0

    private let storage: UnsafeMutablePointer<Completion>

    /// An empty batch with room for `capacity` completions.
    public init(capacity: Int) {
        precondition(capacity > 0, "a batch holds at least one completion")
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
    }

    deinit {
        storage.deallocate()
    }

    /// The completion at `index`, in the order in which the kernel posted them.
    public subscript(index: Int) -> Completion {
        precondition(index >= 0 && index < count, "completion index out of range")
        return storage[index]
    }

    /// Whether another completion fits.
    public var isFull: Bool { count == capacity }

    /// Appends a run of completions; there must be room.
    mutating func append(_ completions: UnsafePointer<Completion>, count: Int) {
        assert(self.count + count <= capacity, "completion batch is full")
        (storage + self.count).update(from: completions, count: count)
        self.count += count
    }

    /// Appends a completion; there must be room.
    public mutating func append(_ completion: Completion) {
        precondition(!isFull, "completion batch is full")
        storage[count] = completion
        count += 1
    }

    /// Empties the batch and keeps its memory.
    public mutating func removeAll() {
        count = 0
    }
}
