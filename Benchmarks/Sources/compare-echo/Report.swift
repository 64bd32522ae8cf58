import Measuring

/// What a run has shown, which may have been interrupted. Ours come first, then the best C loop on io_uring, its control, and those on epoll.
struct Report {
    let choice: String
    let names: [String]
    let costs: [Costs]
    /// Where the best C loop on io_uring is.
    let best: Int
    let bytesPerHeldConnection: Double?
    /// What ended the run early.
    let interruption: Interruption?

    /// How many rounds the figures are of.
    var rounds: Int { costs[0].ofRounds.count }

    /// Of ours to the best C loop.
    var ratio: Double { costs[0].ratio(to: costs[best]) }

    var table: String {
        var table = Table(columns: [
            .text("server"), .number("µs each"), .number("p25–p75"), .number("ratio to best C ring"),
        ])
        for (name, costs) in zip(names, costs) {
            table.add([
                name,
                costs.median.fixed(2),
                "\(costs.lowerQuartile.fixed(2))–\(costs.upperQuartile.fixed(2))",
                costs.ratio(to: self.costs[best]).fixed(3),
            ])
        }
        return table.description
    }

    /// What idle connections cost: memory, and the others' CPU time.
    var held: String? {
        guard let bytesPerHeldConnection else { return nil }
        let ratio = costs[best - 1].ratio(to: costs[0])
        return "\(names[best - 1]): \(bytesPerHeldConnection.fixed(0)) bytes each; "
            + "CPU time / none held = \(ratio.fixed(2))"
    }

    func verdict(limit: Double) -> String {
        let control = costs[best + 1].ratio(to: costs[best])
        return "\(names[0]) / best C = \(ratio.fixed(2)) (limit \(limit.fixed(2))), control = \(control.fixed(2))"
    }
}
