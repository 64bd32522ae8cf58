@preconcurrency internal import Glibc
internal import Measuring
internal import NBServer

/// The run: it floods a group for each row on each engine and number of shards, and balances the accounts.
final class Floods {
    /// How many clients wait for an answer at once, at most: fewer than a listener's queue holds.
    private static let window = 2_000
    /// What the process has open besides, generously.
    private static let otherDescriptors = 64

    private let arguments: Arguments
    private let progress: ProgressLine
    private var problems = 0

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        let rows = try FloodRow.all(connections: arguments.connections).count
        progress = ProgressLine(total: Double(arguments.engines.count * arguments.shards.count * rows))
        try Interruption.postpone()
        // Both ends of a connection are this process's. A quarter of the clients is inside at the most.
        let shards = (arguments.shards.max() ?? 1) * 16
        try Descriptors.limit(to: arguments.connections / 2 + 2 * Self.window + shards + Self.otherDescriptors)
    }

    /// - Returns: the exit status.
    func run() async -> Int32 {
        do {
            for engine in arguments.engines {
                for shards in arguments.shards { try await flood(engine, shards) }
            }
        } catch let interruption as Interruption {
            progress.clear()
            return 128 + interruption.signal
        } catch {
            report("\(error)")
        }
        progress.clear()
        print(problems == 0 ? "floods: all figures are exact" : "floods: FAILED, \(problems) figures are not exact")
        return problems == 0 ? 0 : 1
    }

    private func flood(_ engine: String, _ shards: Int) async throws {
        let title = "\(shards) \(shards == 1 ? "shard" : "shards") on \(engine)"
        var table = Table(columns: Figures.columns(title))
        for row in try FloodRow.all(connections: arguments.connections) {
            progress.show("\(title): \(row.name)")
            do {
                let figures = try await flood(row, engine == "ring" ? .ring : .epoll, shards)
                for problem in figures.problems(of: row) { report("\(title): \(row.name): \(problem)") }
                table.add(figures.line(row.name))
            } catch let failure as Failure {
                report("\(title): \(row.name): \(failure)")
            }
            progress.done += 1
        }
        progress.clear()
        print("\(table)")
    }

    private func flood(_ row: FloodRow, _ engine: EngineOptions, _ shards: Int) async throws -> Figures {
        let options = GroupOptions(shards: shards, server: ServerOptions(admission: row.admission, engine: engine))
        let endpoints = [Endpoint](repeating: "127.0.0.1:0", count: row.listeners)
        let isKept = if case .none = row.stay { false } else { true }
        let group = try ServerGroup(listening: endpoints, options: options) { _ in Doorkeeper(keeps: isKept) }
        let crowd = Crowd(
            arguments.connections,
            window: min(Self.window, arguments.connections / 2),
            at: group.addresses,
            leavesAtOnce: !isKept
        )
        do {
            // The first of them wait for the servers.
            try crowd.ask()
            let start = ContinuousClock.now
            try await group.start()
            if case .inRounds(let limit) = row.stay {
                try await playRounds(of: limit, crowd, group)
            } else {
                try crowd.decide(crowd.size)
            }
            let counters = try await counters(of: group) { $0.delivered + $0.discarded >= UInt64(crowd.size) }
            let figures = Figures(crowd, counters, time: .now - start)
            await group.stop()
            try crowd.expectEnds()
            return figures
        } catch {
            await group.stop()
            throw error
        }
    }

    /// Has all leave whenever as many are inside as may be. The others wait meanwhile: none is let in.
    private func playRounds(of limit: Int, _ crowd: Crowd, _ group: ServerGroup<Doorkeeper>) async throws {
        for round in 1...crowd.size / limit {
            try crowd.decide(round * limit)
            let counters = try await counters(of: group) { $0.delivered >= UInt64(round * limit) }
            try crowd.lookOnce()
            guard counters.delivered == UInt64(round * limit), crowd.insideCount == limit else {
                throw Failure(
                    "\(crowd.insideCount) are inside in round \(round), and \(counters.delivered) were delivered"
                )
            }
            // Of each shard what it has now: a place that one frees is another's at once.
            let kept = try await group.callAll({ .kept($0) }, within: nil)
            guard kept.reduce(0, +) == limit else { throw Failure("\(kept.reduce(0, +)) are kept in round \(round)") }
            for (shard, count) in zip(group.shards, kept) { try shard.cast(.drop(count)) }
            try crowd.expectEnds()
        }
    }

    /// What the group has counted once something has come about.
    private func counters(
        of group: ServerGroup<Doorkeeper>,
        once hasCome: (ServerCounters) -> Bool
    ) async throws -> ServerCounters {
        while true {
            try Interruption.check()
            let counters = try await group.status(within: nil).counters
            if hasCome(counters) { return counters }
        }
    }

    private func report(_ problem: String) {
        problems += 1
        progress.clear()
        writeText("floods: PROBLEM: \(problem)\n", to: STDERR_FILENO)
    }
}
