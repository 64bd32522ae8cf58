import Histogram

/// How long something took, over many connections: an HdrHistogram of nanoseconds with three digits, to a minute.
struct Latencies: Sendable {
    private var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 100,
        highestTrackableValue: 60_000_000_000,
        numberOfSignificantValueDigits: .three
    )

    var count: UInt64 { histogram.totalCount }

    mutating func record(_ nanoseconds: Moment) {
        histogram.record(min(nanoseconds, 60_000_000_000))
    }

    mutating func add(_ other: Latencies) {
        histogram.add(other.histogram)
    }

    /// In microseconds.
    func quantile(_ percentile: Double) -> Double {
        count == 0 ? .nan : Double(histogram.valueAtPercentile(percentile)) / 1000
    }

    var greatest: Double { count == 0 ? .nan : Double(histogram.maxRecorded) / 1000 }

    static let shown = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99)]

    /// A curve for a plot: the fraction of all, and the microseconds that it took no longer than.
    func curve() -> [(percentile: Double, microseconds: Double)] {
        histogram.percentiles(ticksPerHalfDistance: 10).map { ($0.percentileLevelIteratedTo, Double($0.value) / 1000) }
    }
}
