import Glibc
import LoopbackClient
import Measuring

/// The time that processes have spent on a CPU, in nanoseconds, as the scheduler counts it.
///
/// It is the counter that `/proc/PID/schedstat` shows, summed over threads and read through the processes' CPU clocks, which
/// have also what threads used that have ended. Time in interrupts is charged to whoever ran.
struct CPUTime: Equatable {
    private var ofProcesses: [pid_t: UInt64] = [:]

    init(of processes: [pid_t]) throws {
        for process in processes {
            var clock = clockid_t()
            var time = timespec()
            guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
                throw Failure("process \(process) has ended")
            }
            ofProcesses[process] = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
    }

    func seconds(since earlier: CPUTime) -> Double {
        let sum = ofProcesses.map { process, time in time - min(time, earlier.ofProcesses[process] ?? 0) }.reduce(0, +)
        return Double(sum) / 1e9
    }

    /// The time once the processes have nothing more to do: when a few looks in a row find the same.
    static func onceIdle(_ processes: [pid_t]) throws -> CPUTime {
        let deadline = Moment.now() + Moment(seconds: 3)
        var latest = try CPUTime(of: processes)
        var looksUnchanged = 0
        while looksUnchanged < 4 {
            guard Moment.now() < deadline else { return latest }
            try Interruption.check()
            usleep(1000)
            let now = try CPUTime(of: processes)
            looksUnchanged = now == latest ? looksUnchanged + 1 : 0
            latest = now
        }
        return latest
    }
}
