import Measuring

/// What a finished run has shown. Soup comes first, then the best C loop, then its control.
struct Report {
    let choice: String
    let names: [String]
    let costs: [Costs]

    /// Of soup to the best C loop.
    var ratio: Double { costs[0].ratio(to: costs[1]) }

    var table: String {
        var table = Table(columns: ["server", "µs per connection", "p25–p75", "ratio to best C"])
        for (name, costs) in zip(names, costs) {
            table.add([
                name,
                costs.median.fixed(2),
                "\(costs.lowerQuartile.fixed(2))–\(costs.upperQuartile.fixed(2))",
                costs.ratio(to: self.costs[1]).fixed(3),
            ])
        }
        return table.description
    }

    func verdict(limit: Double) -> String {
        let control = costs[2].ratio(to: costs[1])
        return "soup / best C = \(ratio.fixed(2)) (limit \(limit.fixed(2))), control = \(control.fixed(2))"
    }
}
