import Measuring

/// What asking each contender has cost; the first is what the others are compared with.
struct CallReport: CustomStringConvertible {
    let names: [String]
    let costs: [[Cost]]

    /// How many rounds the figures are of.
    var rounds: Int { costs[0].count }

    var description: String {
        var table = Table(columns: [
            .text("contender"), .number("µs"), .number("p25–p75"), .number("ratio"), .number("µs of CPU"),
            .number("switches"),
        ])
        let base = Costs(costs[0].map(\.time))
        for (name, costs) in zip(names, costs) {
            let time = Costs(costs.map(\.time))
            table.add([
                name,
                time.median.fixed(2),
                "\(time.lowerQuartile.fixed(2))–\(time.upperQuartile.fixed(2))",
                time.ratio(to: base).fixed(2),
                Costs(costs.map(\.cpuTime)).median.fixed(2),
                Costs(costs.map(\.switches)).median.fixed(2),
            ])
        }
        return table.description
    }
}
