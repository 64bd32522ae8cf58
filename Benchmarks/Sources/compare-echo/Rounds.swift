import Measuring

/// Rounds in which every contender runs once.
struct Rounds {
    let count: Int
    let purpose: String

    /// Returns the costs of each contender, in the order they were given, and what ended the rounds early, if something did: then
    /// the costs are those of the rounds before. An interruption of the first round is thrown.
    func run(_ contenders: [Contender]) throws -> (costs: [Costs], interruption: Interruption?) {
        var costs = contenders.map { _ in Costs() }
        let progress = ProgressLine()
        defer { progress.clear() }
        for round in 0..<count {
            progress.show("\(purpose): round \(round + 1) of \(count)")
            do {
                for (index, cost) in try play(round, contenders) { costs[index].record(cost) }
            } catch let interruption as Interruption where round > 0 {
                return (costs, interruption)
            }
        }
        return (costs, nil)
    }

    private func play(_ round: Int, _ contenders: [Contender]) throws -> [(index: Int, cost: Double)] {
        // Rotated, so that each is first, and last, equally often.
        try contenders.indices.map { turn in
            try Interruption.check()
            let index = (round + turn) % contenders.count
            return (index, try contenders[index].run())
        }
    }
}
