import LoopbackClient
import Synchronization

/// Connections that stay open and say nothing: what each costs to have.
struct Hold: Scenario {
    let name = "hold"
    let question = "resident memory and CPU per connection of accepting many that stay, idle"
    let work = Work.hold
    let startsAfresh = true
    let columns: [Metric] = [.cpu, .memory, .kernelMemory]

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let processes = try process.processes()
        let (resident, kernel) = (try Memory.resident(processes), try Memory.kernel())
        let after = Mutex((resident: 0.0, kernel: 0.0))
        var stream = stream(process, .closed(inFlight: field.held))
        stream.count = field.held
        stream.ending = .hold
        var plan = LoadPlan(streams: [stream], sources: field.sources, seconds: 20)
        plan.whenHeld = {
            let now = (try Memory.resident(processes), try Memory.kernel())
            after.withLock { $0 = now }
        }
        _ = try run(plan, process, field, &sample)
        let count = Double(max(1, field.held))
        sample.values[.memory] = (after.withLock { $0.resident } - resident) / count
        sample.values[.kernelMemory] = (after.withLock { $0.kernel } - kernel) / count
        sample.values[.serverLoad] = nil
    }
}
