import LoopbackClient
import Synchronization

/// Connections that stay open and say nothing: what each costs to have, and what one more costs to accept.
struct Hold: Scenario {
    let name = "hold"
    let question = "CPU per connection of accepting many that stay, idle; then of one more; and memory for each"
    let work = Work.hold
    let startsAfresh = true
    let columns: [Metric] = [.cpu, .idleCPU, .memory, .kernelMemory]

    /// How many more come when all the others are there.
    static let more = 500

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let processes = try process.processes()
        let held = field.held
        let outcome = Mutex(Outcome())
        let (resident, kernel) = (try Memory.resident(processes), try Memory.kernel())
        let start = try cpuTimeOnceIdle(processes)
        let latecomers = LoadPlan(
            streams: [holdingStream(process, Self.more)],
            sources: field.sources,
            seconds: 20
        )
        var plan = LoadPlan(streams: [holdingStream(process, held)], sources: field.sources, seconds: 20)
        plan.whenHeld = {
            var now = Outcome()
            let full = try cpuTimeOnceIdle(processes)
            now.memory = (try Memory.resident(processes) - resident) / Double(held)
            now.kernelMemory = (try Memory.kernel() - kernel) / Double(held)
            now.cpu = full.seconds(since: start) * 1e6 / Double(held)
            let ledger = try LoadRun.run(latecomers).streams[0].ledger
            now.connected = ledger.connected
            now.complaint = ledger.complaint
            now.idleCPU = try cpuTimeOnceIdle(processes).seconds(since: full) * 1e6 / Double(Self.more)
            let result = now
            outcome.withLock { $0 = result }
        }
        _ = try run(plan, process, field, &sample)
        note(outcome.withLock { $0 }, process, &sample)
    }

    /// What is found when all are there.
    private struct Outcome: Sendable {
        var cpu = 0.0
        var idleCPU = 0.0
        var memory = 0.0
        var kernelMemory = 0.0
        var connected = 0
        var complaint: String?
    }

    private func note(_ outcome: Outcome, _ process: ContenderProcess, _ sample: inout Sample) {
        process.connected += outcome.connected
        sample.values[.cpu] = outcome.cpu
        sample.values[.idleCPU] = outcome.idleCPU
        sample.values[.memory] = outcome.memory
        sample.values[.kernelMemory] = outcome.kernelMemory
        sample.values[.serverLoad] = nil
        // Those of the latecomers are among them.
        sample.values[.segments] = nil
        if sample.invalid == nil { sample.invalid = outcome.complaint }
    }

    private func holdingStream(_ process: ContenderProcess, _ count: Int) -> LoadStream {
        var stream = stream(process, .closed(inFlight: count))
        stream.count = count
        stream.ending = .hold
        return stream
    }
}
