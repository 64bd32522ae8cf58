/// Blocks of one size that are used again and again, so that sending allocates nothing in a steady state; larger blocks
/// come from the allocator and go back to it, and so do more of them than are worth keeping.
///
/// Owned by the ``ConnectionTable``; loop's thread only.
struct ByteBlockPool: ~Copyable {
    /// What a pooled block takes, header included.
    static let blockSize = 4096

    /// How many bytes fit into it.
    private static var pooledRoom: Int { blockSize - MemoryLayout<ByteBlock>.stride }

    /// How many blocks are kept: 4 MiB.
    private static let limit = 1024

    private var free: UnsafeMutablePointer<ByteBlock>?
    private var freeCount = 0

    init() {}

    deinit {
        var block = free
        while let current = block {
            block = current.pointee.next
            UnsafeMutableRawPointer(current).deallocate()
        }
    }

    /// A block with room for `count` bytes at least.
    mutating func take(_ count: Int) -> UnsafeMutablePointer<ByteBlock> {
        if let block = free, count <= block.pointee.capacity {
            free = block.pointee.next
            freeCount -= 1
            block.initialize(to: ByteBlock(next: nil, capacity: block.pointee.capacity))
            return block
        }
        return .allocate(room: max(Self.pooledRoom, count))
    }

    /// Takes a block back.
    mutating func give(_ block: UnsafeMutablePointer<ByteBlock>) {
        guard block.pointee.capacity == Self.pooledRoom && freeCount < Self.limit else {
            UnsafeMutableRawPointer(block).deallocate()
            return
        }
        block.pointee.next = free
        free = block
        freeCount += 1
    }
}
