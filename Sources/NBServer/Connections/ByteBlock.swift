/// A run of bytes on the heap, to be sent or received and not delivered yet: this header, then the bytes.
///
/// Owned by one connection or by the pool. It does not move while the kernel may read it.
struct ByteBlock {
    var next: UnsafeMutablePointer<ByteBlock>?
    /// How many bytes fit.
    let capacity: Int
    /// The first byte not sent yet, and the end of what has been written.
    var start = 0
    var end = 0
}

extension UnsafeMutablePointer<ByteBlock> {
    /// A block with room for so many bytes.
    static func allocate(room: Int) -> UnsafeMutablePointer<ByteBlock> {
        let size = MemoryLayout<ByteBlock>.stride + room
        let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<ByteBlock>.alignment)
            .bindMemory(to: ByteBlock.self, capacity: 1)
        block.initialize(to: ByteBlock(next: nil, capacity: room))
        return block
    }

    var bytes: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self + 1) }
}
