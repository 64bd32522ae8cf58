import Measuring

/// Finds the best depth for the ceiling.
///
/// In rounds of its own, whose figures are then dropped: the lowest of three is low partly by luck, and a comparison with that
/// very figure would be unfair to the others.
struct DepthChoice {
    private static let depths = [64, 256, 4096]
    /// nb-server's own depth, and that of every loop unless another one is clearly cheaper: the choice between equals would be luck,
    /// and scenarios that it is not made by differ by more than that.
    private static let usual = 256
    /// How much cheaper another depth has to be; and in every round.
    private static let advantage = 0.05

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
            words.append("for backlog \(backlog.depth) (\(backlog.words))")
        }
        if needsStorm {
            let storm = try choose(Storm(), progress)
            lineup.depth = storm.depth
            words.append("\(words.isEmpty ? "" : "for the rest, ")by storm, \(storm.depth) (\(storm.words))")
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
            samples(comparison, contender).compactMap { $0.values[.cpu] }.median
        }
        let words = zip(Self.depths, medians).map { "\($0) → \($1.fixed(2))" }.joined(separator: ", ")
        let usual = samples(comparison, contenders[Self.depths.firstIndex(of: Self.usual) ?? 0])
        let ratios = contenders.map { samples(comparison, $0).ratios(to: usual, of: scenario.columns[0]) }
        return (Self.best(of: Dictionary(uniqueKeysWithValues: zip(Self.depths, ratios))), words)
    }

    private func samples(_ comparison: Comparison, _ contender: Contender) -> [Sample] {
        comparison.samples.filter { $0.contender == contender.name && $0.invalid == nil }
    }

    /// The best depth, by what a connection costs with each, compared with the usual depth in the same round.
    static func best(of ratios: [Int: [Double]]) -> Int {
        let cheaper = ratios.filter { $0.value.median < 1 - advantage && $0.value.allSatisfy { $0 < 1 } }
        return cheaper.min { $0.value.median < $1.value.median }?.key ?? usual
    }
}
