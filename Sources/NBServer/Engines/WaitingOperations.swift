internal import NBEngine

/// The operations of an ``EpollEngine`` that have been carried out and are not over, found by index or by token.
///
/// Those of one descriptor are linked in their order. Freed places are used again, and memory for as many as there ever were is kept.
/// Owned by the engine; its thread only.
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

    private var places: UnsafeMutablePointer<Place>
    /// As many as places: a power of two.
    private var buckets: UnsafeMutablePointer<Int32>
    private var capacity = 16
    /// Places from here on were never used.
    private var usedEnd = 0
    private var firstFree: Int32 = -1

    init() {
        places = .allocate(capacity: capacity)
        buckets = .allocate(capacity: capacity)
        buckets.initialize(repeating: -1, count: capacity)
    }

    deinit {
        places.deallocate()
        buckets.deallocate()
    }

    subscript(index: Int32) -> Place {
        @inline(__always) get { places[Int(index)] }
    }

    /// Notes that a send has got on.
    mutating func add(_ count: Int, toDoneOf index: Int32) {
        places[Int(index)].done += count
    }

    /// Adds an operation behind the others of a list of its descriptor's.
    mutating func append(_ place: Place, to first: inout Int32) {
        let index = allocate()
        (places + Int(index)).initialize(to: place)
        link(index)
        guard first >= 0 else {
            first = index
            return
        }
        var last = first
        while case let next = places[Int(last)].next, next >= 0 { last = next }
        places[Int(last)].next = index
    }

    /// Takes the first operation out of a list.
    mutating func removeFirst(of first: inout Int32) {
        let index = first
        first = places[Int(index)].next
        free(index)
    }

    /// Takes an operation out of a list, if it is there.
    mutating func remove(_ index: Int32, from first: inout Int32) -> Bool {
        if first == index {
            removeFirst(of: &first)
            return true
        }
        var previous = first
        while previous >= 0, places[Int(previous)].next != index { previous = places[Int(previous)].next }
        guard previous >= 0 else { return false }
        places[Int(previous)].next = places[Int(index)].next
        free(index)
        return true
    }

    /// The operation with this token.
    func find(_ token: Token) -> Int32? {
        var index = buckets[bucket(token)]
        while index >= 0, places[Int(index)].token != token { index = places[Int(index)].nextInBucket }
        return index >= 0 ? index : nil
    }
}

// Places and buckets.
extension WaitingOperations {
    private func bucket(_ token: Token) -> Int {
        // Multiplied by 2^64 divided by the golden ratio, whose upper bits depend on all of the token's.
        Int(truncatingIfNeeded: (token.rawValue &* 0x9e37_79b9_7f4a_7c15) >> 32) & (capacity - 1)
    }

    private mutating func link(_ index: Int32) {
        let bucket = bucket(places[Int(index)].token)
        places[Int(index)].nextInBucket = buckets[bucket]
        buckets[bucket] = index
    }

    private mutating func unlink(_ index: Int32) {
        let bucket = bucket(places[Int(index)].token)
        if buckets[bucket] == index {
            buckets[bucket] = places[Int(index)].nextInBucket
            return
        }
        var previous = buckets[bucket]
        while places[Int(previous)].nextInBucket != index { previous = places[Int(previous)].nextInBucket }
        places[Int(previous)].nextInBucket = places[Int(index)].nextInBucket
    }

    private mutating func allocate() -> Int32 {
        if firstFree >= 0 {
            defer { firstFree = places[Int(firstFree)].next }
            return firstFree
        }
        if usedEnd == capacity { grow() }
        defer { usedEnd += 1 }
        return Int32(usedEnd)
    }

    private mutating func free(_ index: Int32) {
        unlink(index)
        places[Int(index)].next = firstFree
        firstFree = index
    }

    /// All places are in use.
    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<Place>.allocate(capacity: 2 * capacity)
        larger.moveInitialize(from: places, count: capacity)
        places.deallocate()
        buckets.deallocate()
        places = larger
        capacity *= 2
        buckets = .allocate(capacity: capacity)
        buckets.initialize(repeating: -1, count: capacity)
        for index in 0..<usedEnd { link(Int32(index)) }
    }
}
