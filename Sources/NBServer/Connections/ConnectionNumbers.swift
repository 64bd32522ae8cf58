internal import Synchronization

/// The numbers that a loop gives to its connections, which no other loop of the process gives: see ``ConnectionID``.
///
/// Taken from all there are in blocks, so that loops write to what they share once in so many connections. Loop's thread only.
struct ConnectionNumbers {
    static let blockSize: UInt64 = 4096
    private static let taken = Atomic<UInt64>(0)

    private var last: UInt64 = 0
    /// The last one of the block.
    private var end: UInt64 = 0

    /// A number that no connection has had. Never 0.
    mutating func next() -> UInt64 {
        if last == end {
            end = Self.taken.add(Self.blockSize, ordering: .relaxed).newValue
            last = end - Self.blockSize
        }
        last += 1
        return last
    }
}
