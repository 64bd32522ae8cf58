extension [Double] {
    /// Between two elements, on the straight line from one to the other. Not a number if there are none.
    package func quantile(_ fraction: Double) -> Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        let position = fraction * Double(count - 1)
        let below = sorted[Int(position)]
        let above = sorted[Swift.min(Int(position) + 1, count - 1)]
        return below + (above - below) * position.truncatingRemainder(dividingBy: 1)
    }

    package var median: Double { quantile(0.5) }

    /// Where the median of what these are samples of lies, with 95 % confidence or more; nil for fewer than six.
    ///
    /// The ends are elements, whatever the distribution: how many elements lie below the true median is binomial.
    package var medianInterval: ClosedRange<Double>? {
        let sorted = sorted()
        // The chance that at most `rank` elements lie below; both tails together may have 5 %.
        var chance = 0.0
        var term = 1.0
        for _ in sorted { term /= 2 }
        var ends: ClosedRange<Double>?
        for rank in 0..<sorted.count / 2 {
            chance += term
            guard chance <= 0.025 else { break }
            ends = sorted[rank]...sorted[count - 1 - rank]
            term *= Double(count - rank) / Double(rank + 1)
        }
        return ends
    }
}
