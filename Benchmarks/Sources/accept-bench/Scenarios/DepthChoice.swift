import Measuring

/// Finds the best depth for the ceiling.
///
/// In rounds of its own, whose figures are then dropped: the lowest of three is low partly by luck, and a comparison with that
/// very figure would be unfair to the others.
struct DepthChoice {
    private static let depths = [64, 256, 4096]

    let scenarios: [any Scenario]
    let rounds: Int
    let field: Field

    private var needsBacklog: Bool { scenarios.contains { $0 is Backlog } }
    private var needsStorm: Bool { scenarios.contains { !($0 is Backlog || $0 is Idle) } }

    /// How many measurements it takes.
    var steps: Int { Self.depths.count * rounds * ((needsBacklog ? 1 : 0) + (needsStorm ? 1 : 0)) }

    /// The lineup with the depths chosen, and what they were chosen by.
    func choose(for lineup: Lineup, _ progress: ProgressLine) throws -> (Lineup, String) {
        var lineup = lineup
        var words: [String] = []
        if needsBacklog {
            let backlog = try choose(Backlog(), progress)
            lineup.depthForBacklog = backlog.depth
            words.append("for backlog \(backlog.words)")
        }
        if needsStorm {
            let storm = try choose(Storm(), progress)
            lineup.depth = storm.depth
            words.append("\(words.isEmpty ? "" : "for the rest, ")by storm, \(storm.words)")
        }
        return (lineup, "depth of the ring, by µs CPU/conn: " + words.joined(separator: "; "))
    }

    private func choose(_ scenario: any Scenario, _ progress: ProgressLine) throws -> (depth: Int, words: String) {
        let contenders = Self.depths.map { Contender.ring("ring at \($0)", depth: $0) }
        let comparison = Comparison(
            scenarios: [scenario],
            lineup: Lineup(contenders: contenders),
            mostRounds: rounds,
            field: field,
            progress: progress
        )
        try comparison.run()
        let medians = contenders.map { contender in
            comparison.samples.filter { $0.contender == contender.name && $0.invalid == nil }
                .compactMap { $0.values[.cpu] }.median
        }
        let words = zip(Self.depths, medians).map { "\($0) → \($1.fixed(2))" }.joined(separator: ", ")
        let best = medians.indices.filter { medians[$0].isFinite }.min { medians[$0] < medians[$1] }
        return (best.map { Self.depths[$0] } ?? 256, words)
    }
}
