/// Names of connections in their order, in memory that one owner after the other frees or uses again.
///
/// A pointer, since the end of a batch could not give an array back without a copy. Of the channel, which lends it to a batch.
struct ConnectionList: @unchecked Sendable {
    private var names: UnsafeMutablePointer<ConnectionID>?
    private(set) var capacity = 0
    private(set) var count = 0

    mutating func append(_ id: ConnectionID) {
        if count == capacity { grow() }
        names?.advanced(by: count).initialize(to: id)
        count += 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<ConnectionID>.allocate(capacity: max(64, 2 * capacity))
        if let names {
            larger.moveInitialize(from: names, count: count)
            names.deallocate()
        }
        names = larger
        capacity = max(64, 2 * capacity)
    }

    /// - Precondition: there are so many.
    subscript(position: Int) -> ConnectionID {
        precondition(position >= 0 && position < count, "no connection at \(position) of \(count)")
        return names.unsafelyUnwrapped[position]
    }

    /// Forgets the names and keeps the memory.
    mutating func removeAll() {
        // They are trivial values.
        count = 0
    }

    /// Frees the memory; the list is not used any more.
    func free() {
        names?.deallocate()
    }
}
