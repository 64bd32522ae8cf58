import Measuring

/// Rounds in which every contender is asked once, so many times in a row.
struct Rounds {
    let count: Int
    let calls: Int

    /// Ends early when it is interrupted, with the rounds that were finished; without one of them, it throws.
    func run(_ contenders: [Contender]) throws -> CallReport {
        var costs = contenders.map { _ in [Cost]() }
        let progress = ProgressLine()
        defer { progress.clear() }
        // The first round, which makes threads and fills caches, does not count.
        for round in 0...count {
            progress.show("calls: round \(round) of \(count)")
            do {
                let played = try play(round, contenders)
                if round > 0 { for (index, cost) in played { costs[index].append(cost) } }
            } catch is Interruption where round > 1 {
                break
            }
        }
        return CallReport(names: contenders.map(\.name), costs: costs)
    }

    private func play(_ round: Int, _ contenders: [Contender]) throws -> [(index: Int, cost: Cost)] {
        // Rotated, so that each is first, and last, equally often.
        try contenders.indices.map { turn in
            try Interruption.check()
            let index = (round + turn) % contenders.count
            return (index, try contenders[index].cost(of: calls))
        }
    }
}
