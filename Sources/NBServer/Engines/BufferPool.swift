internal import NBLibc

/// Buffers of one size to receive into, in one mapping, of which the one given back last is taken next.
///
/// Owned by an ``EpollEngine``; its thread only.
///
/// ```
///  free ── take ──▶ the caller's ── give ──▶ free
/// ```
struct BufferPool: ~Copyable {
    let size: Int
    private let memory: UnsafeMutableRawPointer
    private let memorySize: Int
    private let free: UnsafeMutablePointer<UInt16>
    private var freeCount: Int
    private let count: Int

    /// Maps `count` buffers of `size` bytes; `nil` if there is no memory.
    init?(count: Int, size: Int) {
        let (memorySize, overflows) = count.multipliedReportingOverflow(by: size)
        guard count > 0, count <= 1 << 16, size > 0, !overflows else { return nil }
        let mapped = mmap(nil, memorySize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        memory = mapped
        self.memorySize = memorySize
        self.size = size
        self.count = count
        free = .allocate(capacity: count)
        for index in 0..<count { (free + index).initialize(to: UInt16(count - 1 - index)) }
        freeCount = count
    }

    deinit {
        munmap(memory, memorySize)
        free.deallocate()
    }

    /// Takes a buffer, if one is free.
    mutating func take() -> UInt16? {
        guard freeCount > 0 else { return nil }
        freeCount -= 1
        return free[freeCount]
    }

    /// Gives back a buffer that was taken.
    mutating func give(_ number: UInt16) {
        precondition(freeCount < count, "a receive buffer was returned twice")
        free[freeCount] = number
        freeCount += 1
    }

    /// Where a buffer is.
    func buffer(_ number: UInt16) -> UnsafeMutableRawPointer { memory + Int(number) * size }
}
