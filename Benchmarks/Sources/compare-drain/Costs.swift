/// Microseconds of CPU time per connection of one server, one figure per round.
struct Costs {
    private(set) var ofRounds: [Double] = []

    var median: Double { ofRounds.quantile(0.5) }
    var lowerQuartile: Double { ofRounds.quantile(0.25) }
    var upperQuartile: Double { ofRounds.quantile(0.75) }

    mutating func record(_ microseconds: Double) {
        ofRounds.append(microseconds)
    }

    /// The median over the rounds of how these costs compare to `others` in the same round.
    ///
    /// Not the ratio of the medians: a shared machine is fast in some rounds and slow in others, for all alike.
    func ratio(to others: Costs) -> Double {
        zip(ofRounds, others.ofRounds).map { $0 / $1 }.quantile(0.5)
    }
}

extension [Double] {
    /// Between two elements, on the straight line from one to the other.
    fileprivate func quantile(_ fraction: Double) -> Double {
        let sorted = sorted()
        let position = fraction * Double(count - 1)
        let below = sorted[Int(position)]
        let above = sorted[Swift.min(Int(position) + 1, count - 1)]
        return below + (above - below) * position.truncatingRemainder(dividingBy: 1)
    }
}
