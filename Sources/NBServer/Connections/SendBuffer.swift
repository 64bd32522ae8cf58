/// Memory to fill, and then to send without copying it.
///
/// The value owns the memory until it is sent. Then the connection owns the memory, and frees it when the kernel has taken everything.
public struct SendBuffer: ~Copyable, @unchecked Sendable {
    private let block: UnsafeMutablePointer<ByteBlock>

    /// Memory for `capacity` bytes. Below 0 is 0.
    public init(capacity: Int) {
        block = .allocate(room: max(0, capacity))
    }

    deinit {
        UnsafeMutableRawPointer(block).deallocate()
    }

    /// How many bytes fit.
    public var capacity: Int { block.pointee.capacity }

    /// How many bytes were appended, and will be sent.
    public var count: Int { block.pointee.end }

    /// Appends a copy of the bytes.
    ///
    /// - Precondition: the bytes fit.
    public mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= capacity - count, "no room for \(bytes.count) bytes")
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(start: block.bytes + count, count: source.count).copyMemory(from: source)
        }
        block.pointee.end += bytes.count
    }

    /// Appends bytes that `body` writes into the free memory.
    ///
    /// - Parameter body: writes into the memory from its beginning, and returns how many bytes it has written.
    /// - Throws: the error that `body` throws. Nothing is appended then.
    public mutating func append<Failure: Error>(
        writing body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        let room = UnsafeMutableRawBufferPointer(start: block.bytes + count, count: capacity - count)
        let written = try body(room)
        precondition(
            written >= 0 && written <= room.count,
            "\(written) bytes were written where there is room for \(room.count)"
        )
        block.pointee.end += written
    }

    /// The memory itself, which the caller frees.
    consuming func intoBlock() -> UnsafeMutablePointer<ByteBlock> {
        let block = block
        discard self
        return block
    }
}
