internal import NBLibc

/// Tells a forked child from the process in which the library was first asked, without a system call.
///
/// A page that the kernel clears in every child. `madvise(2)`, `MADV_WIPEONFORK`, Linux 4.14; where that is missing nobody counts as a
/// child. Any thread.
enum ForkMark {
    // Never unmapped.
    nonisolated(unsafe) private static let mark: UnsafeMutablePointer<UInt8>? = {
        let size = Int(sysconf(Int32(_SC_PAGESIZE)))
        let page = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page, page != MAP_FAILED else { return nil }
        _ = madvise(page, size, MADV_WIPEONFORK)
        page.storeBytes(of: 1, as: UInt8.self)
        return page.assumingMemoryBound(to: UInt8.self)
    }()

    /// Whether the process was forked since this was first asked.
    static var isInChild: Bool { mark?.pointee == 0 }
}
