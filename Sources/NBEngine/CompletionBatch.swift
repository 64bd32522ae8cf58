/// A bounded batch of completions, copied out of an engine before any of them is acted on, and how far that has got.
///
/// Acting on a completion may submit more and thereby produce more. The loop therefore walks a copy, which does not change
/// meanwhile and keeps its place when a turn's budget ends. Owned and used by the engine's thread; allocated once.
///
/// ```
///  0 ── acted on ── position ── the rest ── count ── room ── capacity
/// ```
@frozen
public struct CompletionBatch: ~Copyable {
    /// How many completions fit.
    public let capacity: Int

    /// How many completions the batch holds.
    public internal(set) var count = 0

    /// How many of them were acted on.
    public internal(set) var position = 0

    @usableFromInline
    let storage: UnsafeMutablePointer<Completion>

    /// An empty batch with room for `capacity` completions.
    public init(capacity: Int) {
        precondition(capacity > 0, "a batch holds at least one completion")
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
    }

    deinit {
        storage.deallocate()
    }

    /// The completion at `index`, in the order in which the completions came.
    @inlinable
    public subscript(index: Int) -> Completion {
        precondition(index >= 0 && index < count, "completion index out of range")
        return storage[index]
    }

    /// Whether no other completion fits.
    @inlinable
    public var isFull: Bool { count == capacity }

    /// Whether some completions were not acted on.
    @inlinable
    public var hasRest: Bool { position < count }

    /// How many completions were not acted on.
    public var restCount: Int { count - position }

    /// Goes on by `limit` completions, or as many as there are.
    ///
    /// - Returns: the indices of the completions that are to be acted on now.
    public mutating func advance(by limit: Int) -> Range<Int> {
        let start = position
        position += min(limit, count - start)
        return start..<position
    }

    /// Appends a run of completions; there must be room.
    public mutating func append(_ completions: UnsafePointer<Completion>, count: Int) {
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
        position = 0
    }
}
