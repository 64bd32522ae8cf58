// Memory at one address, for operations that name memory; freed when dropped.

import Glibc
import NBEngine

struct Buffer: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer

    /// Zeros.
    init(count: Int) {
        memory = .allocate(byteCount: count, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// A copy of these bytes.
    init(_ bytes: [UInt8]) {
        self.init(count: bytes.count)
        memory.copyBytes(from: bytes)
    }

    deinit {
        memory.deallocate()
    }

    /// As a send names it.
    var bytes: Operation.Bytes { prefix(memory.count) }

    /// As a read names it.
    var target: Operation.Memory { Operation.Memory(base) }

    /// Its content as a number.
    var number: UInt64 { memory.load(as: UInt64.self) }

    func prefix(_ count: Int) -> Operation.Bytes { Operation.Bytes(base, count: count) }

    func fill(with byte: UInt8) {
        memset(base, Int32(byte), memory.count)
    }

    private var base: UnsafeMutableRawPointer {
        // Never empty: no test allocates nothing.
        memory.baseAddress!
    }

    /// Bytes that tell when any are lost, doubled, or out of order: little numbers counting up.
    static func pattern(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count / 4 {
                UnsafeMutableRawBufferPointer(buffer).storeBytes(
                    of: UInt32(index),
                    toByteOffset: index * 4,
                    as: UInt32.self
                )
            }
            for index in count / 4 * 4..<count { buffer[index] = UInt8(truncatingIfNeeded: index) }
            initialized = count
        }
    }

    /// Made once: it takes a while without optimization.
    static let eightMebibytes = pattern(8 << 20)
}
