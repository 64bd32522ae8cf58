/// Many bytes, the same at both ends. They do not fit into the buffers of a connection whose client reads nothing.
enum Payload {
    static let bytes: [UInt8] = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }

    /// The size of a server's send buffer, which the kernel doubles and then leaves at that.
    static let sendBuffer = 64 << 10

    static func has(_ part: ArraySlice<UInt8>, at offset: Int) -> Bool {
        guard offset + part.count <= bytes.count else { return false }
        return part.elementsEqual(bytes[offset..<offset + part.count])
    }
}
