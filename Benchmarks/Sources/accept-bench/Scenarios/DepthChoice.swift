/// Finds the best depth for the ceiling.
///
/// In rounds of its own, whose figures are then dropped: the lowest of three is low partly by luck, and a comparison with that
/// very figure would be unfair to the others.
struct DepthChoice {
    private static let depths = [64, 256, 4096]

    let rounds: Int
    let field: Field
    let progress: ProgressBar

    static func steps(_ rounds: Int) -> Int { depths.count * rounds * 2 }

    /// The lineup with the depths chosen, and what they were chosen by.
    func choose(for lineup: Lineup) throws -> (Lineup, String) {
        var lineup = lineup
        let backlog = try choose(Backlog())
        let storm = try choose(Storm())
        lineup.depthForBacklog = backlog.depth
        lineup.depth = storm.depth
        return (
            lineup, "depth of the ring, by µs CPU/conn: backlog \(backlog.words); the rest, by storm, \(storm.words)"
        )
    }

    private func choose(_ scenario: any Scenario) throws -> (depth: Int, words: String) {
        let contenders = Self.depths.map { Contender.ring("ring at \($0)", depth: $0) }
        let comparison = Comparison(
            scenarios: [scenario],
            lineup: Lineup(contenders: contenders),
            rounds: rounds,
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
