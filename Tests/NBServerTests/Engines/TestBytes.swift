import NBEngine

/// Bytes that stay where they are, for operations that send them.
final class TestBytes {
    private let memory: UnsafeMutableRawBufferPointer
    private var description: UnsafeMutableRawPointer?

    init(_ bytes: [UInt8]) {
        memory = .allocate(byteCount: bytes.count, alignment: 1)
        bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
    }

    deinit {
        memory.deallocate()
        description?.deallocate()
    }

    var whole: Operation.Bytes { part(0..<memory.count) }

    func part(_ range: Range<Int>) -> Operation.Bytes {
        Operation.Bytes(UnsafeRawBufferPointer(rebasing: memory[range]).baseAddress!, count: range.count)
    }

    /// All of them, in several places of different sizes, one of them empty. Asked for once.
    var scattered: Operation.Bytes {
        let ends =
            [0, 1, 100, 4096].filter { $0 < memory.count }
            + (1...10).map { $0 * memory.count / 10 }.filter { $0 > 4096 }
        let parts = zip([0] + ends, ends).map { UnsafeRawBufferPointer(rebasing: memory[$0..<$1]) }
        let description = UnsafeMutableRawPointer.allocate(
            byteCount: Operation.Bytes.memoryNeeded(for: parts.count),
            alignment: MemoryLayout<UInt>.alignment
        )
        self.description = description
        return Operation.Bytes(parts.span, describedIn: description)
    }

    func fill(with byte: UInt8) {
        memory.initializeMemory(as: UInt8.self, repeating: byte)
    }
}

/// Where a read of an event descriptor goes.
final class TestCounter {
    private let pointer = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)

    init() {
        pointer.initialize(to: 0)
    }

    deinit {
        pointer.deallocate()
    }

    var value: UInt64 { pointer.pointee }
    var memory: Operation.Memory { Operation.Memory(pointer) }
}
