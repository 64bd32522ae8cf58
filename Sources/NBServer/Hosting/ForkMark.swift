internal import NBEngine
internal import NBLibc
internal import Synchronization

/// Tells a process from those it was forked from, without a system call.
///
/// A page that the kernel clears in every child, in which each process writes a number of its own when it is first asked.
/// `madvise(2)`, `MADV_WIPEONFORK`, Linux 4.14; where that is missing a child has its parent's number. Any thread.
package enum ForkMark {
    // Never unmapped.
    nonisolated(unsafe) private static let page: UnsafeMutablePointer<Atomic<UInt64>>? = {
        let size = Int(sysconf(Int32(_SC_PAGESIZE)))
        let page = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page, page != MAP_FAILED else { return nil }
        _ = madvise(page, size, MADV_WIPEONFORK)
        return page.assumingMemoryBound(to: Atomic<UInt64>.self)
    }()

    /// This process's number.
    package static var current: UInt64 {
        guard let page else { return 0 }
        let number = page.pointee.load(ordering: .relaxed)
        if number != 0 { return number }
        // Later than that of every process it was forked from.
        let new = Instant.now.nanoseconds
        let (isFirst, original) = page.pointee.compareExchange(expected: 0, desired: new, ordering: .relaxed)
        return isFirst ? new : original
    }
}
