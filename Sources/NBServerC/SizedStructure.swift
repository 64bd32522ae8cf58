internal import CNBServer
internal import NBLibc

/// A structure that begins with its size, as a program compiled it: with an older header it is shorter, with a newer one longer.
///
/// The caller's memory, for the length of a call.
struct SizedStructure {
    private let start: UnsafeMutableRawPointer
    /// How many bytes of it the caller has.
    private let size: Int

    /// Looks at the size, and at nothing behind it.
    ///
    /// - Parameters:
    ///   - start: where it is; its first field is its size.
    ///   - name: what to call it in an error.
    ///   - least: the size of the shortest there ever was.
    /// - Throws: with `NB_INVALID_ARGUMENT` or `NB_INVALID_SIZE`.
    init(_ start: UnsafeMutableRawPointer?, _ name: StaticString, least: Int) throws(Failure) {
        guard let start else { throw Failure(NB_INVALID_ARGUMENT, "the \(name) are null") }
        size = start.load(as: Int.self)
        self.start = start
        // A page at the most, so that nothing that is far from a structure is read. All have fields of eight bytes.
        guard (least...4096).contains(size), size % 8 == 0 else {
            let cure = "zero the structure and set its size to sizeof(\(name))"
            throw Failure(NB_INVALID_SIZE, "\(name).size is \(size), which no version of the structure has: \(cure)")
        }
    }

    /// Reads what this version knows; what the caller does not know is zero.
    ///
    /// - Returns: where something is that this version does not know; `nil` if all of that is zero.
    func read<Value: BitwiseCopyable>(into value: inout Value) -> Int? {
        withUnsafeMutableBytes(of: &value) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: start, count: min(size, bytes.count)))
        }
        let known = MemoryLayout<Value>.size
        return size > known ? (known..<size).first { start.load(fromByteOffset: $0, as: UInt8.self) != 0 } : nil
    }

    /// Writes what the caller has room for, but its size; what this version does not know is zero.
    func write<Value: BitwiseCopyable>(_ value: Value) {
        withUnsafeBytes(of: value) { bytes in
            for offset in MemoryLayout<Int>.size..<size {
                start.storeBytes(of: offset < bytes.count ? bytes[offset] : 0, toByteOffset: offset, as: UInt8.self)
            }
        }
    }
}
