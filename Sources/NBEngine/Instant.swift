/// A point in an engine's time: nanoseconds that only go forward. On a kernel it is `CLOCK_MONOTONIC`; a simulated engine has a
/// time of its own.
@frozen
public struct Instant: Comparable, Hashable, Sendable {
    /// How many nanoseconds since the clock's beginning.
    public var nanoseconds: UInt64

    /// An instant so long after the clock's beginning.
    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether `earlier` comes before `later`.
    @inlinable
    public static func < (earlier: Instant, later: Instant) -> Bool { earlier.nanoseconds < later.nanoseconds }

    /// The instant `duration` later; durations below zero count as zero.
    @inlinable
    public static func + (instant: Instant, duration: Duration) -> Instant {
        instant.later(byNanoseconds: duration.wholeNanoseconds)
    }

    /// The instant so much later, or the last one there is.
    @inlinable
    public func later(byNanoseconds count: UInt64) -> Instant {
        let end = nanoseconds.addingReportingOverflow(count)
        return Instant(nanoseconds: end.overflow ? .max : end.partialValue)
    }

    /// The instant `duration` earlier, or the first one there is.
    @inlinable
    public func earlier(by duration: Duration) -> Instant {
        let count = duration.wholeNanoseconds
        return Instant(nanoseconds: nanoseconds > count ? nanoseconds - count : 0)
    }

    /// The earlier of two deadlines, where `nil` is none.
    @inlinable
    @inline(__always)
    public static func earlier(_ one: Instant?, _ other: Instant?) -> Instant? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// How long it is until `later`; zero if that has passed.
    @inlinable
    public func duration(to later: Instant) -> Duration {
        later > self ? .nanoseconds(Int64(clamping: later.nanoseconds - nanoseconds)) : .zero
    }
}
