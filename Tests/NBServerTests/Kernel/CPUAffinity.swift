import Glibc

/// The CPUs that the calling thread may run on. The C library has the calls, and its Swift module does not show them.
enum CPUAffinity {
    /// Bits, one a CPU: as many as a `cpu_set_t` has.
    private typealias Mask = [UInt64]

    /// Keeps the thread on the CPU that it runs on, until `body` returns.
    static func onOneCPU(_ body: () throws -> Void) throws {
        var before = Mask(repeating: 0, count: 16)
        try call("sched_getaffinity", &before)
        var one = Mask(repeating: 0, count: before.count)
        let cpu = try currentCPU()
        one[cpu / 64] = 1 << (cpu % 64)
        try call("sched_setaffinity", &one)
        defer { try? call("sched_setaffinity", &before) }
        try body()
    }

    private static func currentCPU() throws -> Int {
        let function = unsafeBitCast(try find("sched_getcpu"), to: (@convention(c) () -> Int32).self)
        return Int(function())
    }

    private static func call(_ name: String, _ mask: inout Mask) throws {
        typealias Call = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32
        let function = unsafeBitCast(try find(name), to: Call.self)
        guard function(0, mask.count * MemoryLayout<UInt64>.size, &mask) == 0 else {
            throw Client.Failed(errno: errno)
        }
    }

    private static func find(_ name: String) throws -> UnsafeMutableRawPointer {
        guard let function = dlsym(nil, name) else { throw Client.Failed(errno: ENOSYS) }
        return function
    }
}
