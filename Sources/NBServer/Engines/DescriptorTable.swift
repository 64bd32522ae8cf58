/// A record for each descriptor an ``EpollEngine`` has met, found by its number.
///
/// Descriptors are small numbers, since the kernel gives the lowest that is free; so there is a record for each up to the greatest that
/// was met. Owned by the engine; its thread only.
struct DescriptorTable: ~Copyable {
    typealias Record = UnsafeMutablePointer<DescriptorRecord>

    private var pages = Pages(
        stride: MemoryLayout<DescriptorRecord>.stride,
        alignment: MemoryLayout<DescriptorRecord>.alignment
    )

    /// The record of a descriptor, which is not negative.
    @inline(__always)
    mutating func record(_ descriptor: Int32) -> Record {
        if Int(descriptor) >= pages.capacity { grow(to: Int(descriptor)) }
        return address(Int(descriptor))
    }

    @inline(__always)
    private func address(_ index: Int) -> Record {
        pages.address(index).assumingMemoryBound(to: DescriptorRecord.self)
    }

    @inline(never)
    private mutating func grow(to descriptor: Int) {
        while descriptor >= pages.capacity {
            for index in pages.grow() { address(index).initialize(to: DescriptorRecord()) }
        }
    }
}
