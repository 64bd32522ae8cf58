import Measuring

/// Rounds in which every contender runs once.
struct Rounds {
    let count: Int
    let purpose: String

    /// Returns the costs of each contender, in the order they were given.
    func run(_ contenders: [Contender]) throws -> [Costs] {
        var costs = contenders.map { _ in Costs() }
        defer { ProgressLine.clear() }
        for round in 0..<count {
            ProgressLine.show("\(purpose): round \(round + 1) of \(count)")
            // Rotated, so that everybody is first, and last, equally often.
            for turn in contenders.indices {
                let index = (round + turn) % contenders.count
                costs[index].record(try contenders[index].run())
            }
        }
        return costs
    }
}
