internal import NBLibc

// What an operation sends.
extension Operation {
    /// Memory to read from, by address: in one place, or in several, one after the other.
    ///
    /// A name for memory that is its caller's. Any thread may carry it about; who reads through it sees to it that the
    /// memory is there.
    public struct Bytes: Hashable, @unchecked Sendable {
        /// The bytes; or the message header that says where they are, if they are in several places.
        let base: UnsafeRawPointer
        /// How many bytes; the complement of that, if they are in several places, so that an operation stays as small as it is.
        private let size: Int

        /// How many bytes.
        public var count: Int { isScattered ? ~size : size }

        var isScattered: Bool { size < 0 }

        /// Names `count` bytes at `base`; they stay the caller's. The kernel refuses more than 2 GiB less one.
        public init(_ base: UnsafeRawPointer, count: Int) {
            precondition(count <= UInt32.max, "a submission entry would count fewer bytes than these")
            self.base = base
            size = count
        }

        /// Names bytes in several places, all of them the caller's, and writes down in `memory` where they are, for the kernel.
        ///
        /// - Parameters:
        ///   - parts: the places, in their order; 1,024 at the most.
        ///   - memory: as much as ``memoryNeeded(for:)`` says, aligned for pointers; it stays as it is for as long as the bytes.
        public init(_ parts: Span<UnsafeRawBufferPointer>, describedIn memory: UnsafeMutableRawPointer) {
            let places = (memory + MemoryLayout<msghdr>.stride).assumingMemoryBound(to: iovec.self)
            var count = 0
            for index in parts.indices {
                let part = parts[index]
                (places + index).initialize(
                    to: iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
                )
                count += part.count
            }
            var header = msghdr()
            header.msg_iov = places
            header.msg_iovlen = parts.count
            memory.initializeMemory(as: msghdr.self, to: header)
            base = UnsafeRawPointer(memory)
            size = ~count
        }

        /// How much memory it takes to describe so many parts.
        public static func memoryNeeded(for parts: Int) -> Int {
            MemoryLayout<msghdr>.stride + parts * MemoryLayout<iovec>.stride
        }

        /// The bytes, for engines that play the kernel's part; put together first, if they are in several places.
        public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            guard isScattered else { return body(UnsafeRawBufferPointer(start: base, count: count)) }
            let header = base.assumingMemoryBound(to: msghdr.self).pointee
            var bytes: [UInt8] = []
            for place in UnsafeBufferPointer(start: header.msg_iov, count: header.msg_iovlen) {
                bytes += UnsafeRawBufferPointer(start: place.iov_base, count: place.iov_len)
            }
            return bytes.withUnsafeBytes(body)
        }
    }
}
