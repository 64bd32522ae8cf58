internal import Glibc

/// What servers say, the same at both ends: a greeting is so many bytes from the beginning.
enum Greeting {
    static let longest = 8 << 20

    /// No two of its 4,096-byte blocks are the same: each begins with its number.
    static let bytes: [UInt8] = {
        let block = (0..<blockSize).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        return [UInt8](unsafeUninitializedCapacity: longest) { memory, count in
            for start in stride(from: 0, to: longest, by: blockSize) {
                let place = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[start...])
                place.copyBytes(from: block)
                place.storeBytes(of: UInt32(start / blockSize), as: UInt32.self)
            }
            count = longest
        }
    }()

    private static let blockSize = 4_096

    /// Whether a part of it is what it is to be.
    static func has(_ part: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        guard offset + part.count <= longest else { return false }
        return bytes.withUnsafeBytes { memcmp($0.baseAddress! + offset, part.baseAddress!, part.count) == 0 }
    }
}
