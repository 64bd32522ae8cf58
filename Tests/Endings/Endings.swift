@preconcurrency internal import Glibc
internal import Measuring

/// The run: it plays the rows, each with a process of its own for the server, and balances the accounts.
final class Endings {
    /// What this side needs: a client is a descriptor.
    private static let descriptorLimit = 1_024

    private let arguments: Arguments
    private let progress: ProgressLine
    private let start = ContinuousClock.now
    private var randomness: Randomness
    private var table = Table(columns: Tally.columns)
    private var sum = Tally()
    private var servers = Account()
    private var openDescriptors = 0
    private var problems = 0

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        randomness = Randomness(seed: arguments.seed)
        progress = ProgressLine(total: Double(arguments.connections * arguments.rows.count))
        // Made now, lest the first client makes it when it is to speak.
        _ = Greeting.bytes
        try Interruption.postpone()
        try Descriptors.limit(to: Self.descriptorLimit)
        do {
            try PrivateNetwork.enter()
        } catch let refusal as PrivateNetwork.Refusal {
            Self.say("\(refusal). Without one, this machine's network settings count as well")
        }
        // The server's process finds it in its environment.
        if let engine = arguments.engine { setenv("NB_SERVER_ENGINE", engine, 1) }
    }

    /// - Returns: the exit status.
    func run() -> Int32 {
        var interruption: Interruption?
        do {
            for row in arguments.rows { try play(row) }
        } catch let error as Interruption {
            interruption = error
        } catch {
            report("\(error)")
        }
        progress.clear()
        print(summary(interruption))
        if problems > 0 { return 1 }
        return interruption.map { 128 + $0.signal } ?? 0
    }

    private func play(_ row: any Row) throws {
        let done = progress.done
        progress.show(row.name)
        let stage = try Stage(
            row.plan(greeting: arguments.greeting),
            connections: arguments.connections,
            Randomness(seed: randomness.next())
        ) { [progress] count in
            progress.done = done + Double(count)
            progress.show(row.name)
        }
        defer { note(stage.tally, of: row) }
        try row.play(on: stage)
        try balance(stage, row)
        try stage.process.end()
    }

    private func note(_ tally: Tally, of row: any Row) {
        for (outcome, count) in tally.complaints.sorted(by: { $0.value > $1.value }) {
            report("\(row.name): \(count.grouped) of \(tally.connections.grouped) clients \(outcome.complaint)")
        }
        table.add(tally.row(row.name))
        sum = sum + tally
    }

    private func report(_ problem: String) {
        problems += 1
        progress.clear()
        Self.say("PROBLEM: \(problem)")
    }

    private static func say(_ text: String) {
        writeText("endings: \(text)\n", to: STDERR_FILENO)
    }
}

// Accounts.
extension Endings {
    /// Waits until the server has nothing open, as it must in the end, and compares what it has counted.
    private func balance(_ stage: Stage, _ row: any Row) throws {
        let limit = ContinuousClock.now + ServerProcess.patience
        var account = try stage.process.account()
        var descriptors = try stage.process.descriptors - stage.process.idleDescriptors
        while account.open != 0 || descriptors != 0, limit > .now {
            account = try stage.process.account()
            descriptors = try stage.process.descriptors - stage.process.idleDescriptors
        }
        servers = servers + account
        openDescriptors += descriptors
        let connections = stage.tally.connections
        expect("accepted", account.accepted, connections, row)
        expect("delivered", account.delivered, connections, row)
        expect("discarded", account.discarded, 0, row)
        expect("failed", account.failed, 0, row)
        expect("expired", account.expired, row.expires ? connections : 0, row)
        expect("connections left open", account.open, 0, row)
        expect("descriptors left open", descriptors, 0, row)
    }

    private func expect(_ what: String, _ count: Int, _ expected: Int, _ row: any Row) {
        guard count != expected else { return }
        report("\(row.name): the server counts \(count.grouped) \(what), and not \(expected.grouped)")
    }

    private func summary(_ interruption: Interruption?) -> String {
        table.add(sum.row("all"))
        let counts = [
            "\(servers.accepted.grouped) accepted", "\(servers.delivered.grouped) delivered",
            "\(servers.discarded.grouped) discarded", "\(servers.failed.grouped) failed",
            "\(servers.expired.grouped) expired",
        ]
        let seconds = Int((ContinuousClock.now - start) / .seconds(1))
        let engine = arguments.engine.map { " on \($0)" } ?? ""
        return """
            \(table)
            servers: \(counts.joined(separator: ", ")); \(servers.open) connections and \(openDescriptors) descriptors left open
            seed \(arguments.seed),\(engine) \(seconds) s
            \(verdict(interruption))
            """
    }

    private func verdict(_ interruption: Interruption?) -> String {
        if problems > 0 {
            return "endings: FAILED, \(sum.lost.grouped) of \(sum.connections.grouped) clients lost something"
        }
        return interruption == nil ? "endings: nothing is lost" : "endings: interrupted; up to then nothing is lost"
    }
}
