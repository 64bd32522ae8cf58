internal import NBEngine

/// The operations of an ``EpollEngine`` that have been carried out and are not over.
///
/// The operations of one descriptor form a list, oldest first. A place never moves. Freed places are used again, and memory is never given
/// back. Owned by the engine; its thread only.
///
/// ```
///  record.firstInput ──▶ operation ── next ──▶ operation ── next ──▶ -1
///  firstFree         ──▶ place ── next ──▶ …
/// ```
struct WaitingOperations: ~Copyable {
    /// In an order that leaves no gaps: 48 bytes.
    struct Place {
        let operation: Operation
        let isSilent: Bool
        /// The next one of the same descriptor, or the next free place.
        fileprivate(set) var next: Int32 = -1
        let token: Token
        /// How many bytes of a send were taken.
        var done = 0

        init(_ operation: Operation, _ token: Token, _ isSilent: Bool) {
            self.operation = operation
            self.token = token
            self.isSilent = isSilent
        }

        /// What the operation comes to when it has to end: how many bytes were taken, or the error.
        func result(or error: Int32) -> Int32 { done > 0 ? Int32(truncatingIfNeeded: done) : error }
    }

    private var pages = Pages(stride: MemoryLayout<Place>.stride, alignment: MemoryLayout<Place>.alignment)
    /// Places from here on were never used.
    private var usedEnd = 0
    private var firstFree: Int32 = -1

    subscript(index: Int32) -> Place {
        @inline(__always) get { place(index).pointee }
    }

    @inline(__always)
    private func place(_ index: Int32) -> UnsafeMutablePointer<Place> {
        pages.address(Int(index)).assumingMemoryBound(to: Place.self)
    }

    /// Notes that a send has got on.
    mutating func add(_ count: Int, toDoneOf index: Int32) {
        place(index).pointee.done += count
    }

    /// Adds an operation behind the others of a list of its descriptor's.
    mutating func append(_ operation: Place, to first: inout Int32) {
        let index = allocate()
        place(index).initialize(to: operation)
        guard first >= 0 else {
            first = index
            return
        }
        var last = first
        while case let next = place(last).pointee.next, next >= 0 { last = next }
        place(last).pointee.next = index
    }

    /// Takes the first operation out of a list.
    mutating func removeFirst(of first: inout Int32) {
        let index = first
        first = place(index).pointee.next
        free(index)
    }

    /// Takes the operation with this token out of a list, if it is there.
    mutating func remove(_ token: Token, from first: inout Int32) -> Place? {
        var (previous, index): (Int32, Int32) = (-1, first)
        while index >= 0, place(index).pointee.token != token {
            (previous, index) = (index, place(index).pointee.next)
        }
        guard index >= 0 else { return nil }
        let removed = self[index]
        if previous < 0 { first = removed.next } else { place(previous).pointee.next = removed.next }
        free(index)
        return removed
    }

    @inline(__always)
    private mutating func allocate() -> Int32 {
        if firstFree >= 0 {
            defer { firstFree = place(firstFree).pointee.next }
            return firstFree
        }
        if usedEnd == pages.capacity { pages.grow() }
        defer { usedEnd += 1 }
        return Int32(usedEnd)
    }

    private mutating func free(_ index: Int32) {
        place(index).pointee.next = firstFree
        firstFree = index
    }
}
