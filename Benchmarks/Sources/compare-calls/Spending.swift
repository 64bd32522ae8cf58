import Glibc
import Measuring

/// What this process has spent so far, all its threads together.
struct Spending {
    private let time: Double
    private let cpuTime: CPUTime
    private let switches: Double
    private let writes: Double

    static func soFar() throws -> Spending {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { throw Failure(call: "getrusage") }
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Spending(
            time: Double(now.tv_sec) * 1e6 + Double(now.tv_nsec) / 1e3,
            cpuTime: try CPUTime(of: [getpid()]),
            switches: Double(usage.ru_nvcsw + usage.ru_nivcsw),
            writes: try writeCalls()
        )
    }

    /// What each of `count` things has cost since an earlier time.
    func cost(since earlier: Spending, of count: Int) -> Cost {
        Cost(
            time: (time - earlier.time) / Double(count),
            cpuTime: cpuTime.microseconds(since: earlier.cpuTime) / Double(count),
            switches: (switches - earlier.switches) / Double(count),
            writes: (writes - earlier.writes) / Double(count)
        )
    }

    /// The kernel counts them: `proc_pid_io(5)`. One wakes a loop.
    private static func writeCalls() throws -> Double {
        let path = "/proc/self/io"
        let lines = try textOfFile(path).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("syscw:") }), let count = Double(line.dropFirst(7)) else {
            throw Failure("\(path): not understood")
        }
        return count
    }
}
