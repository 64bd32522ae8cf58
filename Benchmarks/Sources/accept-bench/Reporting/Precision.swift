import Measuring

/// How exactly a scenario was measured: what the control scores, which is the ceiling against itself.
struct Precision: Codable, Sendable {
    let scenario: String
    let variant: String
    let rounds: Int
    /// There were to be no more.
    let mostRounds: Int
    /// Where the median of the control's ratio lies, with 95 % confidence; nil without control, or with fewer than six rounds that
    /// count.
    let lower: Double?
    let upper: Double?
    /// Whether that is so close to 1 that more rounds are not needed.
    let isReached: Bool

    /// How far the ends may be off 1.
    static let tolerance = 0.02

    init(_ scenario: any Scenario, _ samples: [Sample], mostRounds: Int) {
        let own = samples.filter { $0.scenario == scenario.name && $0.variant == scenario.variant }
        let control = own.filter { $0.contender == Contender.control }
        let ceiling = own.filter { $0.contender == Contender.ceiling }
        let interval = control.ratios(to: ceiling, of: scenario.columns[0]).medianInterval
        self.scenario = scenario.name
        variant = scenario.variant
        rounds = (own.map(\.round).max() ?? -1) + 1
        self.mostRounds = mostRounds
        (lower, upper) = (interval?.lowerBound, interval?.upperBound)
        isReached = interval.map { $0.lowerBound >= 1 - Self.tolerance && $0.upperBound <= 1 + Self.tolerance } ?? false
    }

    var words: String {
        let end = isReached ? "" : rounds < mostRounds ? ", for want of time" : ", the most there were to be"
        let count = "\(rounds) round\(rounds == 1 ? "" : "s")\(end)"
        guard let lower, let upper else { return "\(count); how exact they are is not known" }
        let verdict = "\(isReached ? "within" : "not within") \((100 * Self.tolerance).fixed(0)) %"
        return
            "\(count); \"\(Contender.control)\" is \(lower.fixed(3))–\(upper.fixed(3)) with 95 % confidence, \(verdict)"
    }
}

extension [Sample] {
    /// Within each round that counts for both.
    func ratios(to others: [Sample], of metric: Metric) -> [Double] {
        compactMap { sample in
            let other = others.first { $0.round == sample.round && $0.invalid == nil }
            guard sample.invalid == nil, let value = sample.values[metric], let base = other?.values[metric], base > 0
            else { return nil }
            return value / base
        }
    }
}
