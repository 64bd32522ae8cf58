import Measuring

/// Rounds in which every contender is asked once, so many times in a row.
struct Rounds {
    let count: Int
    let calls: Int

    func run(_ contenders: [Contender]) throws -> CallReport {
        var costs = contenders.map { _ in [Cost]() }
        defer { ProgressLine.clear() }
        // The first round, which makes threads and fills caches, does not count.
        for round in 0...count {
            ProgressLine.show("calls: round \(round) of \(count)")
            // Rotated, so that everybody is first, and last, equally often.
            for turn in contenders.indices {
                let index = (round + turn) % contenders.count
                let cost = try contenders[index].cost(of: calls)
                if round > 0 { costs[index].append(cost) }
            }
        }
        return CallReport(names: contenders.map(\.name), costs: costs)
    }
}
