internal import NBLibc

/// A point in the time of the loop's engine: nanoseconds that only go forward. On a ring it is `CLOCK_MONOTONIC`; a
/// simulated engine has a time of its own.
package struct Instant: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The machine's monotonic time. Answered by the vDSO, without a system call.
    package static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    /// The time as the C library has it.
    var inCTerms: timespec {
        timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }

    package static func < (earlier: Instant, later: Instant) -> Bool { earlier.nanoseconds < later.nanoseconds }

    /// The instant `duration` later; durations below zero count as zero.
    package static func + (instant: Instant, duration: Duration) -> Instant {
        instant.later(byNanoseconds: duration.wholeNanoseconds)
    }

    /// The instant so much later, or the last one there is.
    func later(byNanoseconds count: UInt64) -> Instant {
        let end = nanoseconds.addingReportingOverflow(count)
        return Instant(nanoseconds: end.overflow ? .max : end.partialValue)
    }

    /// The instant `duration` earlier, or the first one there is.
    func earlier(by duration: Duration) -> Instant {
        let count = duration.wholeNanoseconds
        return Instant(nanoseconds: nanoseconds > count ? nanoseconds - count : 0)
    }

    /// The earlier of two deadlines, where `nil` is none.
    @inline(__always)
    static func earlier(_ one: Instant?, _ other: Instant?) -> Instant? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// How long it is until `later`; zero if that has passed.
    package func duration(to later: Instant) -> Duration {
        later > self ? .nanoseconds(Int64(clamping: later.nanoseconds - nanoseconds)) : .zero
    }
}
