import Glibc
import LoopbackClient
import Measuring

/// No client connects: what the server is accounted as all the same.
///
/// A wait in `io_uring_enter(2)` is one for I/O unless the server says otherwise, and shows as iowait in monitors and as pressure to
/// service managers, although nothing is read or written.
struct Idle: Scenario {
    let name = "idle"
    let question = "what a server without clients is accounted as"
    let work = Work.banner
    let columns: [Metric] = [.idleLoad, .ioPressure, .ioWait]
    /// What is accounted hardly differs from round to round.
    let enoughRounds: Int? = 3

    func measure(_ process: ContenderProcess, _ field: Field, _ sample: inout Sample) throws {
        let processes = try process.processes()
        let processors = try field.placement?.servers ?? CPUTicks(textOfFile("/proc/stat")).processors
        _ = try cpuTimeOnceIdle(processes)
        // Without one, where none can be made.
        let group = try? ControlGroup(of: processes)
        let machine = try MachineLoad(field.placement)
        let start = Moment.now()
        let ticks = try CPUTicks(textOfFile("/proc/stat"))
        let waited = try? group?.secondsWaitingForIO()
        let cpu = try CPUTime(of: processes)

        let end = start + Moment(seconds: 2 * field.seconds)
        while Moment.now() < end {
            try Interruption.check()
            usleep(10_000)
        }

        let used = try CPUTime(of: processes).seconds(since: cpu)
        let seconds = Moment.now().since(start).seconds
        try process.failIfEnded()
        sample.seconds = seconds
        sample.values[.idleLoad] = used * 1e6 / seconds
        if let waited, let now = try? group?.secondsWaitingForIO() {
            sample.values[.ioPressure] = 100 * (now - waited) / seconds
        }
        let ioWait = try CPUTicks(textOfFile("/proc/stat")).secondsWaitingForIO(of: processors, since: ticks)
        sample.values[.ioWait] = 100 * ioWait / seconds
        (sample.onServerCPU, sample.onClientCPUs) = try machine.since(serverSeconds: used, clientSeconds: 0)
    }
}
