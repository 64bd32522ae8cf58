/// What something has cost one contender: a figure for each round.
package struct Costs {
    package private(set) var ofRounds: [Double] = []

    package var median: Double { ofRounds.quantile(0.5) }
    package var lowerQuartile: Double { ofRounds.quantile(0.25) }
    package var upperQuartile: Double { ofRounds.quantile(0.75) }

    package init(_ ofRounds: [Double] = []) {
        self.ofRounds = ofRounds
    }

    package mutating func record(_ cost: Double) {
        ofRounds.append(cost)
    }

    /// The median over the rounds of how these costs compare to `others` in the same round.
    ///
    /// Not the ratio of the medians: a shared machine is fast in some rounds and slow in others, for all alike.
    package func ratio(to others: Costs) -> Double {
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
