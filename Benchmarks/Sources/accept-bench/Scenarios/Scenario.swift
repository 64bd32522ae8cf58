import Glibc
import LoopbackClient
import Measuring

/// A question that is asked of every contender, round by round.
protocol Scenario: Sendable {
    var name: String { get }
    /// What is asked, in a line.
    var question: String { get }
    /// What sets it apart from others of the same name.
    var variant: String { get }
    var work: Work { get }
    var listeners: Int { get }
    var callInterval: Int { get }
    /// Whether each round has a process of its own.
    var startsAfresh: Bool { get }
    /// What is shown; the first is what contenders are compared by, and less of it is better.
    var columns: [Metric] { get }
    /// Rounds are repeated until the control is exact, if this is nil; else this many are enough.
    var enoughRounds: Int? { get }
    /// Why a contender cannot take part.
    func objection(to contender: Contender) -> String?
    /// Measures once.
    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws
    /// What is only known when the process has ended.
    func complete(_ sample: inout Sample, from report: ContenderReport?) throws
}

extension Scenario {
    var variant: String { "" }
    var listeners: Int { 1 }
    var callInterval: Int { 0 }
    var startsAfresh: Bool { false }
    /// A p99 never is exact.
    var enoughRounds: Int? { columns[0] == .cpu ? nil : 9 }
    var title: String { variant.isEmpty ? name : "\(name), \(variant)" }

    func objection(to contender: Contender) -> String? {
        if contender.isFinishing, work == .hold { return "it ends no connection here, and is the plain one" }
        guard contender.isExternal else { return nil }
        guard listeners == 1, work != .hold, work != .limited || contender.isToldRequests else {
            return "a server that is not ours cannot be told to do this"
        }
        guard (work == .banner) != contender.speaksFirst else { return nil }
        return contender.speaksFirst ? "it speaks first" : "it speaks only when it is asked"
    }

    func complete(_ sample: inout Sample, from report: ContenderReport?) throws {}

    /// Of so many rounds, how many there are at the most.
    func rounds(atMost most: Int) -> Int { min(most, enoughRounds ?? most) }
}

extension Scenario {
    /// Lets clients loose on a server, and notes what both did meanwhile.
    func run(_ plan: LoadPlan, _ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws -> LoadResult
    {
        let processes = try process.processes()
        let machine = try MachineLoad(field.placement)
        let counters = try KernelCounters()
        let before = try CPUTime(of: processes)
        let result = try LoadRun.run(plan, threads: field.threads)
        let after = try cpuTimeOnceIdle(processes)
        try process.failIfEnded()

        let serverCPU = after.seconds(since: before)
        let now = try KernelCounters()
        sample.seconds = result.seconds
        for stream in result.streams { sample.ledger.add(stream.ledger) }
        process.connected += sample.ledger.connected
        sample.drops = now.drops(since: counters)
        sample.retransmissions = now.retransmissions(since: counters)
        (sample.onServerCPU, sample.onClientCPUs) = try machine.since(
            serverSeconds: serverCPU,
            clientSeconds: result.generatorCPU
        )
        sample.values[.cpu] = serverCPU * 1e6 / Double(max(1, sample.ledger.connected))
        if field.isPrivate, sample.ledger.connected > 0 {
            sample.values[.segments] = Double(now.segmentsSent(since: counters)) / Double(sample.ledger.connected)
        }
        sample.values[.serverLoad] = 100 * serverCPU / max(0.001, result.seconds) / Double(field.shards)
        sample.values[.generatorLoad] = 100 * result.generatorLoad
        sample.judge()
        // There is no point in waiting for it again.
        if sample.ledger.answered == 0 { throw Failure("hangs: \(sample.ledger.complaint ?? "nothing was answered")") }
        return result
    }

    /// The time that a server's processes have spent on a CPU once they have nothing more to do. One that is never idle, as if it
    /// polled, is not waited for.
    func cpuTimeOnceIdle(_ processes: [pid_t]) throws -> CPUTime {
        try CPUTime.onceIdle(processes, within: .seconds(3)) ?? CPUTime(of: processes)
    }

    func stream(_ process: ContenderProcess, _ pace: LoadStream.Pace) -> LoadStream {
        LoadStream(
            targets: process.targets,
            request: work.request,
            answer: process.answer,
            pace: pace,
            exchanges: work.exchanges
        )
    }
}

extension Sample {
    /// A closed loop's rate, and whether it is the server's or the generator's.
    mutating func noteRate(_ result: LoadResult) {
        values[.rate] = Double(ledger.answered) / max(0.001, result.seconds)
        let serverIsBusy = (values[.serverLoad] ?? 0) >= 100 * LoadResult.saturated
        isGeneratorLimited = result.isGeneratorSaturated && !serverIsBusy
    }

    /// An open loop's latencies, from the schedule, and whether they are the server's or the generator's.
    mutating func noteLatencies(_ stream: StreamResult) {
        noteDistribution(stream.firstByte)
        values[.lateness] = stream.lateness.quantile(99)
        isGeneratorLimited = stream.isMostlyLate
    }

    mutating func noteDistribution(_ latencies: Latencies) {
        distribution = latencies
        for (metric, percentile) in Metric.quantiles { values[metric] = latencies.quantile(percentile) }
    }
}
