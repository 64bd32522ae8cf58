import Measuring

/// A comparison as a person reads it: a table for each scenario.
struct TextReport {
    let scenarios: [any Scenario]
    let summary: Summary
    let samples: [Sample]
    let mostRounds: Int
    /// What was done, a line each.
    let heading: [String]

    var text: String {
        let tables = scenarios.filter { !summary.rows(of: $0).isEmpty }.map { table($0) }
        return (heading.joined(separator: "\n") + "\n\n" + tables.joined(separator: "\n") + "\n" + footer) + "\n"
    }

    private func table(_ scenario: any Scenario) -> String {
        let columns = scenario.columns
        let rows = summary.rows(of: scenario)
        let ratios = Self.otherRatios.filter { ratio in rows.contains { $0[keyPath: ratio.of] != nil } }
        var table = Table(
            columns: [
                .text(""), .number(columns[0].heading), .number("p25–p75"), .number("to ring"), .number("p25–p75"),
            ] + ratios.map { .number($0.heading) } + columns.dropFirst().map { .number($0.heading) } + [.text("note")]
        )
        // Of others' servers, only those that can take part.
        for row in rows where row.rounds > 0 || !row.isAbsentByNature || !row.isExternal {
            table.add(
                [row.contender, cell(row, columns[0]), spread(row, columns[0])]
                    + [words(row.ratio), ratioSpread(row)] + ratios.map { words(row[keyPath: $0.of]) }
                    + columns.dropFirst().map { cell(row, $0) } + [row.notes.joined(separator: "; ")]
            )
        }
        return "\(scenario.title): \(scenario.question)\n\(table)"
            + "\(summary.precision(of: scenario, mostRounds: mostRounds).words)\n"
    }

    private struct OtherRatio {
        let heading: String
        let of: KeyPath<Row, Double?> & Sendable
    }

    /// Shown where a row has one.
    private static let otherRatios = [
        OtherRatio(heading: "to same in C", of: \.ratioToSameInC), OtherRatio(heading: "to epoll", of: \.ratioToEpoll),
    ]

    private func words(_ ratio: Double?) -> String { ratio.map { $0.fixed(2) } ?? "–" }

    private func cell(_ row: Row, _ metric: Metric) -> String {
        guard let value = row.medians[metric] else { return "–" }
        return (row.isGeneratorLimited ? metric.whereGeneratorIsLimit.sign : "") + value.fixed(metric.digits)
    }

    private func spread(_ row: Row, _ metric: Metric) -> String {
        guard let lower = row.lowerQuartile, let upper = row.upperQuartile else { return "–" }
        return "\(lower.fixed(metric.digits))–\(upper.fixed(metric.digits))"
    }

    private func ratioSpread(_ row: Row) -> String {
        guard let lower = row.ratioLowerQuartile, let upper = row.ratioUpperQuartile else { return "–" }
        return "\(lower.fixed(2))–\(upper.fixed(2))"
    }

    private var footer: String {
        """
        Ratios are medians of the ratios within each round. "ring, again" is the ceiling against itself: what it is off 1, \
        any other row may be.
        Where the clients were the limit, and not the server, ≥ and ≤ say what is known of it all the same: those are no verdict.
        CPU per connection is one, at the clients' pace.
        Meanwhile, in percent of one CPU, the median and the worst measurement:
          on the server's CPU  \(losses(\.onServerCPU))
          on the clients'      \(losses(\.onClientCPUs))
        """
    }

    /// What the measurements had to do without.
    private func losses(_ share: KeyPath<Sample, CPUShare>) -> String {
        func words(_ values: [Double]) -> String { "\(values.median.fixed(0)), \((values.max() ?? 0).fixed(0))" }
        let others = samples.map { $0[keyPath: share].others }
        let steal = samples.map { $0[keyPath: share].steal }
        return "other programs and interrupts \(words(others)); the hypervisor \(words(steal))"
    }
}
