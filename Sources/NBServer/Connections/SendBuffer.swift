/// Memory to fill and then to send without copying it.
///
/// Owned by whoever holds it; sent, it is the connection's, which frees it when the kernel has taken everything.
public struct SendBuffer: ~Copyable, @unchecked Sendable {
    private let block: UnsafeMutablePointer<ByteBlock>

    /// Memory for `capacity` bytes.
    public init(capacity: Int) {
        block = .allocate(room: capacity)
    }

    deinit {
        UnsafeMutableRawPointer(block).deallocate()
    }

    /// How many bytes fit.
    public var capacity: Int { block.pointee.capacity }

    /// How many bytes are in it, and will be sent.
    public var count: Int { block.pointee.end }

    /// Adds bytes.
    ///
    /// - Precondition: they fit.
    public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { source in
            append(source.count) { $0.copyMemory(from: source) }
        }
    }

    /// Adds so many bytes, written by `body`, which has to write all of them.
    ///
    /// - Precondition: they fit.
    public mutating func append(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        precondition(count >= 0 && count <= capacity - self.count, "no room for \(count) bytes")
        try body(UnsafeMutableRawBufferPointer(start: block.bytes + block.pointee.end, count: count))
        block.pointee.end += count
    }

    /// The memory itself, to be freed by whoever takes it.
    consuming func intoBlock() -> UnsafeMutablePointer<ByteBlock> {
        let block = block
        discard self
        return block
    }
}
