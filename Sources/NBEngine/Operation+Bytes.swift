// What an operation sends.
extension Operation {
    /// Memory to read from, by address: in one place, or in several, one after the other.
    ///
    /// An unowned reference to the caller's memory. Sendable as an address only: code that dereferences it must guarantee that the
    /// memory is alive.
    @frozen
    public struct Bytes: Hashable, @unchecked Sendable {
        /// The bytes; or, if they are in several places, the ``Header`` that says where.
        public let base: UnsafeRawPointer
        /// How many bytes; the complement of that, if they are in several places, so that an operation stays as small as it is.
        @usableFromInline
        let size: Int

        /// How many bytes.
        @inlinable
        public var count: Int { isScattered ? ~size : size }

        /// Whether the bytes are in several places.
        @inlinable
        public var isScattered: Bool { size < 0 }

        /// Names `count` bytes at `base`; they stay the caller's. The kernel refuses more than 2 GiB less one.
        @inlinable
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
            let places = (memory + MemoryLayout<Header>.stride).assumingMemoryBound(to: Part.self)
            var count = 0
            for index in parts.indices {
                let part = parts[index]
                (places + index).initialize(to: Part(base: part.baseAddress, count: part.count))
                count += part.count
            }
            memory.initializeMemory(as: Header.self, to: Header(parts: places, partCount: parts.count))
            base = UnsafeRawPointer(memory)
            size = ~count
        }

        /// How much memory it takes to describe so many parts.
        public static func memoryNeeded(for parts: Int) -> Int {
            MemoryLayout<Header>.stride + parts * MemoryLayout<Part>.stride
        }

        /// The bytes, for engines that play the kernel's part; put together first, if they are in several places.
        public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            guard isScattered else { return body(UnsafeRawBufferPointer(start: base, count: count)) }
            let header = base.assumingMemoryBound(to: Header.self).pointee
            var bytes: [UInt8] = []
            for place in UnsafeBufferPointer(start: header.parts, count: header.partCount) {
                bytes += UnsafeRawBufferPointer(start: place.base, count: place.count)
            }
            return bytes.withUnsafeBytes(body)
        }
    }
}

// Scattered bytes as the kernel wants them described. Engines on a kernel assert these layouts.
extension Operation.Bytes {
    /// The kernel's `struct user_msghdr`: no address, no control data.
    public struct Header {
        let name: UnsafeRawPointer? = nil
        let nameLength: UInt32 = 0
        /// Where the parts are.
        public let parts: UnsafePointer<Part>
        /// How many parts.
        public let partCount: Int
        let control: UnsafeRawPointer? = nil
        let controlLength = 0
        let flags: UInt32 = 0

        init(parts: UnsafePointer<Part>, partCount: Int) {
            self.parts = parts
            self.partCount = partCount
        }
    }

    /// The kernel's `struct iovec`.
    public struct Part {
        let base: UnsafeRawPointer?
        let count: Int
    }
}
