@preconcurrency internal import Glibc
internal import Measuring

/// The run: it starts the process with the servers, plays rounds of phases until the time is up, and keeps the accounts.
///
/// Everything but the proxy's relays happens in the main thread.
final class Soak {
    /// What this side needs: a client is a descriptor.
    private static let descriptorLimit = 8_192

    private let arguments: Arguments
    private let process: ServerProcess
    private let patient: Site
    private let impatient: Site
    /// Before there was a server, and with both idle.
    private let bare: Baseline
    private let idle: Baseline

    private var randomness: Randomness
    private var progress: ProgressLog
    private var tallies: [String: Tally] = [:]
    private var growth: Growth?
    private var connectionsOfFirstRound = 0
    private var rounds = 0
    private var problems = 0

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        randomness = Randomness(seed: arguments.seed)
        progress = ProgressLog(length: arguments.length)
        try Interruption.postpone()
        try Descriptors.limit(to: Self.descriptorLimit)
        do {
            try PrivateNetwork.enter()
        } catch let refusal as PrivateNetwork.Refusal {
            ProgressLog.say("\(refusal). Without one, what others do on this machine's network counts as well")
        }
        process = try ServerProcess(on: arguments.engine)
        _ = try process.echoCounts()
        bare = try Baseline(of: process.identifier)
        patient = try process.bind("patient", closeTimeLimit: .seconds(60))
        impatient = try process.bind("impatient", closeTimeLimit: .seconds(1))
        try process.run(patient)
        try process.run(impatient)
        idle = try Baseline(of: process.identifier)
    }

    /// - Returns: the exit status.
    func run() -> Int32 {
        let engine = arguments.engine.map { ", on \($0)" } ?? ""
        ProgressLog.say("seed \(arguments.seed)\(engine), process \(process.identifier), idle with \(idle.text)")
        var interruption: Interruption?
        do {
            try playRounds()
            try end()
        } catch let error as Interruption {
            interruption = error
        } catch {
            report("\(error)")
        }
        print(summary(interruption))
        if problems > 0 { return 1 }
        return interruption.map { 128 + $0.signal } ?? 0
    }

    private func report(_ problem: String) {
        problems += 1
        ProgressLog.say("PROBLEM: \(problem)")
    }
}

// Rounds.
extension Soak {
    private func playRounds() throws {
        var before = try Audit(makeStage())
        repeat {
            rounds += 1
            for phase in arguments.phases.shuffled(using: &randomness) {
                before = try play(phase, before)
                // After a problem nothing that follows can be trusted.
                if problems > 0 { return }
            }
            try noteMemory()
        } while problems == 0 && (!progress.isTimeUp || rounds < 2)
    }

    private func makeStage() -> Stage {
        Stage(process, patient: patient, impatient: impatient, idle: idle, Randomness(seed: randomness.next()))
    }

    /// Plays a phase and balances its accounts; returns where the next one begins.
    private func play(_ phase: any Phase, _ before: Audit) throws -> Audit {
        let stage = makeStage()
        defer { close(stage, phase) }
        try phase.play(on: stage)
        try idle.waitForIt(stage.ledger)
        let memory = try ProcessStatus.residentMemory(of: process.identifier)
        growth?.last = memory
        let after = try Audit(stage)
        after.check(since: before, stage)
        progress.show(round: rounds, phase: phase.name, connections: connections, memory: memory)
        return after
    }

    private func close(_ stage: Stage, _ phase: any Phase) {
        for problem in stage.ledger.problems { report("\(phase.name), round \(rounds): \(problem)") }
        tallies[phase.name, default: Tally()].add(stage.ledger)
    }

    /// At the end of a round.
    private func noteMemory() throws {
        let memory = try ProcessStatus.residentMemory(of: process.identifier)
        guard let growth else {
            growth = Growth(first: memory, last: memory)
            connectionsOfFirstRound = connections
            return
        }
        self.growth?.last = memory
        guard growth.limit < memory else { return }
        let growing = connections - connectionsOfFirstRound
        report(
            "resident memory: \(memory.mebibytes) > \(growth.first.mebibytes) after the first round "
                + "+ 1 MiB, after \(growing.grouped) further connections: "
                + "\((memory - growth.first) / max(growing, 1)) bytes for each"
        )
    }

    /// Stops the servers, which must leave nothing, and the process.
    private func end() throws {
        guard problems == 0 else { return }
        let stage = makeStage()
        for site in stage.sites {
            try process.beginStopping(site)
            let counts = try process.finishStopping()
            stage.ledger.expect(["delivered": counts[.delivered]], equals: ["callbacks": counts.callbacks])
            stage.ledger.expect(["discarded": counts[.discarded]], equals: ["expected": 0])
        }
        try bare.waitForIt(stage.ledger)
        for problem in stage.ledger.problems { report("at the end: \(problem)") }
        try process.end()
    }

    private var connections: Int { tallies.values.reduce(0) { $0 + $1.connections } }
}

// The table.
extension Soak {
    private func summary(_ interruption: Interruption?) -> String {
        var table = Table(columns: Tally.columns)
        var sum = Tally()
        for phase in Phases.all {
            guard let tally = tallies[phase.name] else { continue }
            table.add(tally.row(phase.name))
            sum = sum + tally
        }
        table.add(sum.row("all"))
        return """
            \(table)
            server when idle: \(idle.text), before the first phase and after every one
            \(memoryText)
            seed \(arguments.seed), \(rounds) rounds in \(progress.elapsed.clock)
            \(verdict(interruption))
            """
    }

    private var memoryText: String {
        guard let growth else { return "resident memory: not judged before the end of the first round" }
        let growing = connections - connectionsOfFirstRound
        let span =
            "resident memory: \(growth.first.mebibytes) after the first round, \(growth.last.mebibytes) at the end"
        guard growing > 0, !growth.isTooMuch else { return span }
        return span + "; a leak of \(growth.sensitivity(growing).grouped) bytes a connection would have been found"
    }

    private func verdict(_ interruption: Interruption?) -> String {
        if problems > 0 { return "soak: FAILED, \(problems) problems" }
        return interruption == nil ? "soak: everything balances" : "soak: interrupted; up to then everything balances"
    }
}
