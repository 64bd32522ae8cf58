import Measuring

/// The rows of a comparison, made from its samples.
struct Summary {
    private let scenarios: [any Scenario]
    private let contenders: [Contender]
    private let samples: [Sample]
    private let absences: [Absence]

    init(_ scenarios: [any Scenario], _ contenders: [Contender], _ samples: [Sample], _ absences: [Absence]) {
        self.scenarios = scenarios
        self.contenders = contenders
        self.samples = samples
        self.absences = absences
    }

    /// Of one scenario, in the contenders' order.
    func rows(of scenario: any Scenario) -> [Row] {
        contenders.compactMap { row(scenario, $0) }
    }

    func precision(of scenario: any Scenario, mostRounds: Int) -> Precision {
        Precision(scenario, samples, mostRounds: scenario.rounds(atMost: mostRounds))
    }

    var rows: [Row] { scenarios.flatMap { rows(of: $0) } }

    private func row(_ scenario: any Scenario, _ who: Contender) -> Row? {
        let contender = who.name
        let own = find(scenario, contender)
        let absence = absences.first {
            $0.scenario == scenario.name && $0.variant == scenario.variant && $0.contender == contender
        }
        guard !own.isEmpty || absence != nil else { return nil }
        let valid = own.filter { $0.invalid == nil }
        let key = scenario.columns[0]
        let values = valid.compactMap { $0.values[key] }
        let ratios = valid.ratios(to: find(scenario, Contender.ceiling), of: key)
        let isLimited = valid.filter(\.isGeneratorLimited).count * 2 > valid.count
        // How fast a server is was not seen where the generator was the limit; what it costs was.
        let isVerdict = !isLimited || key.whereGeneratorIsLimit == .exact
        let hasVerdict = !ratios.isEmpty && isVerdict
        func ratio(to names: [String]) -> Double? {
            let others = names.map { valid.ratios(to: find(scenario, $0), of: key) }
            return isVerdict ? others.first { !$0.isEmpty }?.median : nil
        }
        return Row(
            scenario: scenario.name,
            variant: scenario.variant,
            contender: contender,
            medians: medians(valid),
            lowerQuartile: values.isEmpty ? nil : values.quantile(0.25),
            upperQuartile: values.isEmpty ? nil : values.quantile(0.75),
            ratio: hasVerdict ? ratios.median : nil,
            ratioLowerQuartile: hasVerdict ? ratios.quantile(0.25) : nil,
            ratioUpperQuartile: hasVerdict ? ratios.quantile(0.75) : nil,
            ratioToSameInC: ratio(to: who.sameInC),
            ratioToEpoll: ratio(to: [Contender.epoll.name]),
            rounds: own.count,
            validRounds: valid.count,
            generatorLimitedRounds: valid.filter(\.isGeneratorLimited).count,
            isGeneratorLimited: isLimited,
            notes: notes(own, valid, absence, isLimited) + comparison(valid, with: who.base, scenario),
            isAbsentByNature: absence?.isByNature ?? false,
            isExternal: who.isExternal
        )
    }

    /// How a contender compares with one that has a thing less, within each round.
    private func comparison(_ valid: [Sample], with base: String?, _ scenario: any Scenario) -> [String] {
        guard let base else { return [] }
        let ratios = valid.ratios(to: find(scenario, base), of: scenario.columns[0])
        guard !ratios.isEmpty else { return [] }
        let interval = ratios.medianInterval.map {
            ", with 95 % confidence \($0.lowerBound.fixed(3))–\($0.upperBound.fixed(3))"
        }
        return ["\(ratios.median.fixed(3)) of \"\(base)\"\(interval ?? "")"]
    }

    private func find(_ scenario: any Scenario, _ contender: String) -> [Sample] {
        samples.filter {
            $0.scenario == scenario.name && $0.variant == scenario.variant && $0.contender == contender
        }
    }

    private func medians(_ valid: [Sample]) -> [Metric: Double] {
        var medians: [Metric: Double] = [:]
        for metric in Metric.allCases {
            let values = valid.compactMap { $0.values[metric] }.filter(\.isFinite)
            if !values.isEmpty { medians[metric] = values.median }
        }
        for (metric, value) in rareQuantiles(valid) { medians[metric] = value }
        return medians
    }

    /// Of what happens once in a thousand or more rarely, a round has too few to say anything: all rounds together, and only if
    /// so many lie beyond the quantile.
    private static let fewestBeyond = 10.0

    private func rareQuantiles(_ valid: [Sample]) -> [Metric: Double?] {
        var all = Latencies()
        for sample in valid { if let distribution = sample.distribution { all.add(distribution) } }
        guard all.count > 0 else { return [:] }
        var quantiles: [Metric: Double?] = [:]
        for (metric, percentile) in Metric.quantiles where percentile > 99 {
            // One in so many, to the whole number: a thousandth is not quite one in binary.
            let oneIn = (100 / (100 - percentile)).rounded()
            let beyond = Double(all.count) / oneIn
            quantiles.updateValue(beyond >= Self.fewestBeyond ? all.quantile(percentile) : nil, forKey: metric)
        }
        return quantiles
    }

    private func notes(_ own: [Sample], _ valid: [Sample], _ absence: Absence?, _ isLimited: Bool) -> [String] {
        var notes: [String] = []
        if let absence { notes.append(absence.reason) }
        if isLimited { notes.append("the clients were the limit") }
        let invalid = own.compactMap(\.invalid)
        if let first = invalid.first { notes.append("\(invalid.count) of \(own.count) rounds invalid: \(first)") }
        return notes
    }
}
