internal import CLiburing
internal import NBLibc
internal import Synchronization

/// Buffers of one size that the kernel takes from when bytes arrive, so that a receive that waits holds none.
///
/// Since Linux 5.19 a ring in shared memory gives them to the kernel (`io_uring_register_buf_ring(3)`); before, each is
/// given by an operation (`io_uring_prep_provide_buffers(3)`). Owned by the ``Ring``; its thread only.
///
/// ```
///  kernel's ── a receive completes ──▶ the caller's ── returned ──▶ kernel's
/// ```
struct ReceiveBuffers: ~Copyable {
    static let group: UInt16 = 0

    let count: Int
    let size: Int

    /// First the ring, then the buffers; one mapping.
    private let memory: UnsafeMutableRawPointer
    private let memorySize: Int
    /// The first buffer, at hand because every receive needs a buffer's address.
    private let buffers: UnsafeMutableRawPointer
    /// What the kernel has been told of, as a count that wraps.
    private var tail: UInt16 = 0

    /// One entry of the ring (`struct io_uring_buf`).
    private static let entrySize = 16
    /// Where in the first entry the tail is (`struct io_uring_buf_ring`).
    private static let tailOffset = 14

    /// Allocates buffers, which the kernel does not know yet.
    init(count: Int, size: Int) throws(RingError) {
        guard count > 0, count <= 1 << 15, count & (count - 1) == 0, size > 0, size <= Int32.max else {
            throw .bufferShape(count: count, size: size)
        }
        let memorySize = Self.bytesBefore(count) + count * size
        let mapped = mmap(nil, memorySize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { throw .register("mmap", errno) }
        // A forked child that wrote to it would leave the kernel with the old pages.
        madvise(mapped, memorySize, MADV_DONTFORK)
        memory = mapped
        buffers = mapped + Self.bytesBefore(count)
        self.memorySize = memorySize
        self.count = count
        self.size = size
    }

    /// Shares all of them with the kernel, in a ring.
    mutating func share(with ring: UnsafeMutablePointer<io_uring>) throws(RingError) {
        var registration = io_uring_buf_reg()
        registration.ring_addr = UInt64(UInt(bitPattern: memory))
        registration.ring_entries = UInt32(count)
        registration.bgid = Self.group
        let result = io_uring_register_buf_ring(ring, &registration, 0)
        guard result == 0 else { throw .register("io_uring_register_buf_ring", -result) }
        for number in 0..<count { give(UInt16(number)) }
    }

    /// The kernel has the memory for good.
    private var isKept = false

    /// The ring must be gone, or the kernel might still write.
    deinit {
        if !isKept { munmap(memory, memorySize) }
    }

    mutating func keep() {
        isKept = true
    }

    /// The ring's part of the memory, in whole pages.
    private static func bytesBefore(_ count: Int) -> Int {
        (count * entrySize + 4095) / 4096 * 4096
    }

    /// A buffer, by its number.
    func buffer(_ number: UInt16) -> UnsafeMutableRawPointer { buffers + Int(number) &* size }

    /// Gives a buffer to the kernel, through the ring.
    mutating func give(_ number: UInt16) {
        let entry = memory + (Int(tail) & (count &- 1)) &* Self.entrySize
        entry.storeBytes(of: UInt64(UInt(bitPattern: buffer(number))), as: UInt64.self)
        (entry + 8).storeBytes(of: UInt32(truncatingIfNeeded: size), as: UInt32.self)
        (entry + 12).storeBytes(of: number, as: UInt16.self)
        tail &+= 1
        let shared = (memory + Self.tailOffset).assumingMemoryBound(to: Atomic<UInt16>.self)
        shared.pointee.store(tail, ordering: .releasing)
    }
}
