/// What something has cost one contender: a figure for each round.
package struct Costs {
    package private(set) var ofRounds: [Double] = []

    package var median: Double { ofRounds.median }
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
        zip(ofRounds, others.ofRounds).map { $0 / $1 }.median
    }
}
