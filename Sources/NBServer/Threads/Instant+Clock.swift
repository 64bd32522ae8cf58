internal import NBEngine
internal import NBLibc

// The time of engines on a kernel.
extension Instant {
    /// The machine's monotonic time. Answered by the vDSO, without a system call.
    static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The time as the C library has it.
    var inCTerms: timespec { timespec(nanoseconds: nanoseconds) }
}

extension timespec {
    /// So many nanoseconds.
    init(nanoseconds: UInt64) {
        self.init(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}
