internal import NBEngine

/// The operations of an ``EpollEngine`` that have been carried out and are not over, found by index or by token.
///
/// Those of one descriptor are linked in their order. Places are never moved, and freed ones are used again; memory for as many as there ever
/// were is kept. Owned by the engine; its thread only.
///
/// ```
///  record.firstInput ──▶ operation ── next ──▶ operation ── next ──▶ -1
///  buckets[token]    ──▶ operation ── nextInBucket ──▶ …
///  firstFree         ──▶ place ── next ──▶ …
/// ```
struct WaitingOperations: ~Copyable {
    struct Place {
        let operation: Operation
        let token: Token
        let isSilent: Bool
        let descriptor: Int32
        /// How many bytes of a send were taken.
        var done = 0
        /// The next one of the same descriptor, or the next free place.
        var next: Int32 = -1
        fileprivate var nextInBucket: Int32 = -1

        init(_ operation: Operation, _ token: Token, _ isSilent: Bool, _ descriptor: Int32) {
            self.operation = operation
            self.token = token
            self.isSilent = isSilent
            self.descriptor = descriptor
        }

        /// What the operation comes to when it has to end: how many bytes were taken, or the error.
        func result(or error: Int32) -> Int32 { done > 0 ? Int32(truncatingIfNeeded: done) : error }
    }

    private var pages = Pages(stride: MemoryLayout<Place>.stride, alignment: MemoryLayout<Place>.alignment)
    /// As many as places at least: a power of two.
    private var buckets: UnsafeMutablePointer<Int32>
    private var bucketCount = 256
    /// Places from here on were never used.
    private var usedEnd = 0
    private var firstFree: Int32 = -1

    init() {
        buckets = .allocate(capacity: bucketCount)
        buckets.initialize(repeating: -1, count: bucketCount)
    }

    deinit {
        buckets.deallocate()
    }

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
        link(index)
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

    /// Takes an operation out of a list, if it is there.
    mutating func remove(_ index: Int32, from first: inout Int32) -> Bool {
        if first == index {
            removeFirst(of: &first)
            return true
        }
        var previous = first
        while previous >= 0, place(previous).pointee.next != index { previous = place(previous).pointee.next }
        guard previous >= 0 else { return false }
        place(previous).pointee.next = place(index).pointee.next
        free(index)
        return true
    }

    /// The operation with this token.
    func find(_ token: Token) -> Int32? {
        var index = buckets[bucket(token)]
        while index >= 0, place(index).pointee.token != token { index = place(index).pointee.nextInBucket }
        return index >= 0 ? index : nil
    }
}

// Places and buckets.
extension WaitingOperations {
    private func bucket(_ token: Token) -> Int {
        // Multiplied by 2^64 divided by the golden ratio, whose upper bits depend on all of the token's.
        Int(truncatingIfNeeded: (token.rawValue &* 0x9e37_79b9_7f4a_7c15) >> 32) & (bucketCount - 1)
    }

    private mutating func link(_ index: Int32) {
        let bucket = bucket(place(index).pointee.token)
        place(index).pointee.nextInBucket = buckets[bucket]
        buckets[bucket] = index
    }

    private mutating func unlink(_ index: Int32) {
        let bucket = bucket(place(index).pointee.token)
        if buckets[bucket] == index {
            buckets[bucket] = place(index).pointee.nextInBucket
            return
        }
        var previous = buckets[bucket]
        while place(previous).pointee.nextInBucket != index { previous = place(previous).pointee.nextInBucket }
        place(previous).pointee.nextInBucket = place(index).pointee.nextInBucket
    }

    private mutating func allocate() -> Int32 {
        if firstFree >= 0 {
            defer { firstFree = place(firstFree).pointee.next }
            return firstFree
        }
        if usedEnd == pages.capacity { grow() }
        defer { usedEnd += 1 }
        return Int32(usedEnd)
    }

    private mutating func free(_ index: Int32) {
        unlink(index)
        place(index).pointee.next = firstFree
        firstFree = index
    }

    /// All places are in use.
    @inline(never)
    private mutating func grow() {
        pages.grow()
        guard pages.capacity > bucketCount else { return }
        buckets.deallocate()
        bucketCount *= 2
        buckets = .allocate(capacity: bucketCount)
        buckets.initialize(repeating: -1, count: bucketCount)
        for index in 0..<usedEnd { link(Int32(index)) }
    }
}
