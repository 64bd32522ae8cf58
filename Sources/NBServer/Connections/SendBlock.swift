/// A run of bytes on the heap that waits to be sent: this header, then the bytes.
///
/// Owned by one connection's queue or by the pool. It does not move while the kernel may read it.
struct SendBlock {
    var next: UnsafeMutablePointer<SendBlock>?
    /// How many bytes fit.
    let capacity: Int
    /// The first byte not sent yet, and the end of what has been written.
    var start = 0
    var end = 0
}

extension UnsafeMutablePointer<SendBlock> {
    var bytes: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self + 1) }
}

/// Blocks of one size that are used again and again, so that sending allocates nothing in a steady state; larger blocks
/// come from the allocator and go back to it.
struct SendBlockPool: ~Copyable {
    /// What a pooled block takes, header included.
    static let blockSize = 4096

    private var free: UnsafeMutablePointer<SendBlock>?

    init() {}

    deinit {
        var block = free
        while let current = block {
            block = current.pointee.next
            UnsafeMutableRawPointer(current).deallocate()
        }
    }

    /// A block with room for `count` bytes at least.
    mutating func take(_ count: Int) -> UnsafeMutablePointer<SendBlock> {
        let header = MemoryLayout<SendBlock>.stride
        if let block = free, count <= block.pointee.capacity {
            free = block.pointee.next
            block.initialize(to: SendBlock(next: nil, capacity: block.pointee.capacity))
            return block
        }
        let size = max(Self.blockSize, header + count)
        let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<SendBlock>.alignment)
            .bindMemory(to: SendBlock.self, capacity: 1)
        block.initialize(to: SendBlock(next: nil, capacity: size - header))
        return block
    }

    /// Takes a block back.
    mutating func give(_ block: UnsafeMutablePointer<SendBlock>) {
        guard block.pointee.capacity == Self.blockSize - MemoryLayout<SendBlock>.stride else {
            UnsafeMutableRawPointer(block).deallocate()
            return
        }
        block.pointee.next = free
        free = block
    }
}
