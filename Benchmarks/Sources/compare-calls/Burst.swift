import Measuring

/// Casts that threads send as fast as they can.
struct Burst {
    let casts: Int
    let threads: Int

    /// Returns what a cast has cost in each round, until the server has handled the last one. Ends early when it is interrupted,
    /// with the rounds that were finished; without one of them, it throws.
    func run(_ rounds: Int, on server: CountingServer) throws -> (burst: Burst, costs: [Cost]) {
        let progress = ProgressLine()
        defer { progress.clear() }
        var costs: [Cost] = []
        for round in 0...rounds {
            do { try Interruption.check() } catch  where round > 1 { break }
            progress.show("bursts from \(threads) threads: round \(round) of \(rounds)")
            costs.append(try cost(on: server))
        }
        // The first round fills caches and does not count.
        return (self, Array(costs.dropFirst()))
    }

    private func cost(on server: CountingServer) throws -> Cost {
        let share = casts / threads
        let before = try server.callBlocking()
        let start = try Spending.soFar()
        try Crew.run(threads) {
            for _ in 0..<share { try server.cast() }
        }
        // What was sent before is handled before.
        let after = try server.callBlocking()
        let cost = try Spending.soFar().cost(since: start, of: share * threads)
        guard after == before + share * threads + 1 else {
            throw Failure("\(share * threads) casts were sent and \(after - before - 1) handled")
        }
        return cost
    }
}
