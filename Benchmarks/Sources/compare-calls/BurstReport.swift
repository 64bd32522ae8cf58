import Measuring

/// What casts have cost.
struct BurstReport: CustomStringConvertible {
    private let bursts: [(burst: Burst, costs: [Cost])]

    init(_ bursts: [(burst: Burst, costs: [Cost])]) {
        self.bursts = bursts
    }

    var description: String {
        var table = Table(columns: [
            .number("threads"), .number("million casts a second"), .number("p25–p75"),
            .number("wake-ups per 1,000"), .number("switches per 1,000"),
        ])
        for (burst, costs) in bursts {
            let rate = Costs(costs.map { 1 / $0.time })
            table.add([
                "\(burst.threads)",
                rate.median.fixed(2),
                "\(rate.lowerQuartile.fixed(2))–\(rate.upperQuartile.fixed(2))",
                Costs(costs.map { 1000 * $0.writes }).median.fixed(2),
                Costs(costs.map { 1000 * $0.switches }).median.fixed(2),
            ])
        }
        return table.description
    }
}
