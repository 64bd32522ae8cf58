internal import CAllocationCounter
internal import Glibc

/// Known numbers of allocations, frees, retains and releases on the calling thread: exactly these must be counted.
enum SelfTest {
    private final class Object {}

    static func run() throws {
        try expect("nothing", .none) {}
        try expect("malloc", Counts(allocations: 7, frees: 7)) { repeatedly(7) { free(kept(malloc(10))) } }
        try expect("calloc", Counts(allocations: 5, frees: 5)) { repeatedly(5) { free(kept(calloc(10, 10))) } }
        try expect("realloc", Counts(allocations: 6, frees: 3)) {
            repeatedly(3) { free(kept(realloc(kept(malloc(10)), 1_000))) }
        }
        try expect("aligned_alloc", Counts(allocations: 3, frees: 3)) {
            repeatedly(3) { free(kept(aligned_alloc(64, 64))) }
        }
        try expect("posix_memalign", Counts(allocations: 2, frees: 2)) {
            repeatedly(2) {
                var memory: UnsafeMutableRawPointer?
                _ = posix_memalign(&memory, 64, 64)
                free(kept(memory))
            }
        }
        try expectObjects()
        try expectStrings()
    }

    private static func expectObjects() throws {
        let object = Unmanaged.passRetained(Object())
        defer { object.release() }
        try expect("retain", Counts(retains: 1_000)) { repeatedly(1_000) { _ = object.retain() } }
        try expect("release", Counts(releases: 1_000)) { repeatedly(1_000) { object.release() } }
        try expect("objects", Counts(allocations: 100, frees: 100, releases: 100)) {
            repeatedly(100) { Unmanaged.passRetained(Object()).release() }
        }
    }

    /// Strings are retained whether or not they are objects; these are none. See AllocationCounter.c for what that takes.
    private static func expectStrings() throws {
        for text in ["short", "fifteen letters", "longer than a small string may be"] {
            let copies = UnsafeMutablePointer<String>.allocate(capacity: 10)
            defer { copies.deallocate() }
            try expect("copies of a string", Counts(retains: 10)) {
                for place in 0..<10 { initialize(copies + place, to: text) }
            }
            try expect("ends of a string", Counts(releases: 10)) {
                for place in 0..<10 { (copies + place).deinitialize(count: 1) }
            }
        }
    }

    @inline(never)
    private static func expect(_ what: String, _ expected: Counts, of body: () -> Void) throws {
        let start = Counts.now
        body()
        let counted = Counts.now - start
        guard counted == expected else {
            throw Failure("the counting is broken: \(what): \(expected), but counted are \(counted)")
        }
    }

    /// A loop that the optimizer cannot look into, so that it leaves out nothing.
    @inline(never)
    @_optimize(none)
    private static func repeatedly(_ times: Int, _ body: () -> Void) {
        for _ in 0..<times { body() }
    }

    @inline(never)
    private static func initialize(_ place: UnsafeMutablePointer<String>, to text: String) {
        place.initialize(to: text)
    }

    private static func kept(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        allocation_counter_keep(memory)
        return memory
    }
}
