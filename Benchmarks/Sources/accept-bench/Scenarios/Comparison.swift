import LoopbackClient
import Measuring

/// The whole comparison: every scenario, in rounds in which every contender is measured once.
///
/// The order of the contenders rotates, so that each is first, and last, equally often. Rounds end when the control is exact, see
/// ``Precision``, or there have been enough, or the time is over.
final class Comparison {
    private let scenarios: [any Scenario]
    private let lineup: Lineup
    private let mostRounds: Int
    private let field: Field
    private let progress: ProgressLine
    /// When it is to be over: scenarios that take too long have fewer rounds, three at the least.
    private let end: Moment?
    private static let fewestRounds = 3
    /// Everything measured so far; what is finished when the run is interrupted is here.
    private(set) var samples: [Sample] = []
    /// Contenders that dropped out of a scenario, and why.
    private(set) var absences: [Absence] = []

    init(
        scenarios: [any Scenario],
        lineup: Lineup,
        mostRounds: Int,
        field: Field,
        progress: ProgressLine,
        end: Moment? = nil
    ) {
        self.end = end
        self.scenarios = scenarios
        self.lineup = lineup
        self.mostRounds = mostRounds
        self.field = field
        self.progress = progress
    }

    func run() throws {
        for (index, scenario) in scenarios.enumerated() {
            let now = Moment.now()
            // Each scenario has its share of what is left.
            let share = end.map { now + $0.since(now) / Moment(scenarios.count - index) }
            try run(scenario, until: share)
        }
    }

    private func run(_ scenario: any Scenario, until end: Moment?) throws {
        let rounds = scenario.rounds(atMost: mostRounds)
        var entries: [Entry] = []
        for contender in lineup.contenders(in: scenario) {
            if let reason = scenario.objection(to: contender) {
                absences.append(Absence(scenario, contender, reason, isByNature: true))
                progress.done += Double(rounds)
            } else {
                entries.append(Entry(contender))
            }
        }
        let begin = Moment.now()
        for round in 0..<rounds {
            // Another round would take as long as those before.
            let next = Moment.now() + Moment.now().since(begin) / Moment(max(1, round))
            let isLate = round >= Self.fewestRounds && end.map { next > $0 } == true
            if isLate || isExact(scenario) {
                progress.done += Double((rounds - round) * entries.count)
                break
            }
            for turn in entries.indices {
                let index = (round + turn) % entries.count
                progress.show("\(scenario.title): \(entries[index].contender.name), round \(round + 1) of \(rounds)")
                if !entries[index].isOut { try measure(scenario, &entries[index], round) }
                progress.done += 1
            }
        }
        for index in entries.indices { try finish(scenario, &entries[index]) }
    }

    private func isExact(_ scenario: any Scenario) -> Bool {
        scenario.enoughRounds == nil && Precision(scenario, samples, mostRounds: mostRounds).isReached
    }

    /// A contender in a scenario.
    private struct Entry {
        let contender: Contender
        var process: ContenderProcess?
        var isOut = false
        /// Where its samples are.
        var samples: [Int] = []

        init(_ contender: Contender) {
            self.contender = contender
        }
    }

    private func measure(_ scenario: any Scenario, _ entry: inout Entry, _ round: Int) throws {
        var sample = Sample(
            scenario: scenario.name,
            variant: scenario.variant,
            contender: entry.contender.name,
            round: round
        )
        do {
            let process = try entry.process ?? start(scenario, entry.contender)
            entry.process = process
            try scenario.measure(process, field, &sample)
            entry.samples.append(samples.count)
            samples.append(sample)
            if scenario.startsAfresh { try end(scenario, &entry) }
        } catch let failure as Failure {
            recordAbsence(scenario, &entry, failure)
        }
    }

    private func start(_ scenario: any Scenario, _ contender: Contender) throws -> ContenderProcess {
        let options = ServeOptions(
            listeners: scenario.listeners,
            shards: field.shards,
            work: scenario.work,
            callInterval: scenario.callInterval
        )
        let process = try ContenderProcess(contender, options, on: field.placement)
        if !scenario.startsAfresh { try warmUp(scenario, process) }
        return process
    }

    /// What is allocated or mapped once is not measured.
    private func warmUp(_ scenario: any Scenario, _ process: ContenderProcess) throws {
        var short = field
        short.seconds = min(0.1, field.seconds)
        short.backlog = min(1000, field.backlog)
        var unused = Sample(scenario: scenario.name, variant: scenario.variant, contender: "", round: 0)
        try scenario.measure(process, short, &unused)
    }

    private func finish(_ scenario: any Scenario, _ entry: inout Entry) throws {
        guard entry.process != nil else { return }
        do {
            try end(scenario, &entry)
        } catch let failure as Failure {
            recordAbsence(scenario, &entry, failure)
        }
    }

    /// Stops the process, and balances its account: what it accepted is what the clients connected.
    private func end(_ scenario: any Scenario, _ entry: inout Entry) throws {
        guard let process = entry.process else { return }
        entry.process = nil
        let report = try process.stop()
        let own = scenario.startsAfresh ? entry.samples.suffix(1) : entry.samples[...]
        for index in own {
            if let report { samples[index].balance(accepted: report.accepted, connected: process.connected) }
            try scenario.complete(&samples[index], from: report)
        }
    }

    private func recordAbsence(_ scenario: any Scenario, _ entry: inout Entry, _ failure: Failure) {
        entry.isOut = true
        entry.process = nil
        let reason = failure.description.split(separator: "\n").joined(separator: " ")
        absences.append(Absence(scenario, entry.contender, reason, isByNature: false))
    }
}
