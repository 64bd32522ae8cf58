import Glibc
import LoopbackClient

/// The time that processes have spent on a CPU, thread by thread, as the scheduler counts it: in nanoseconds.
struct CPUTime: Equatable {
    private var ofThreads: [pid_t: UInt64] = [:]

    init(of processes: [pid_t]) throws {
        for process in processes {
            for thread in try ProcessGroup.directory("/proc/\(process)/task") {
                let path = "/proc/\(process)/task/\(thread)/schedstat"
                guard let time = try textOfFile(path).split(separator: " ").first.flatMap({ UInt64($0) }) else {
                    throw Failure("\(path): not understood")
                }
                ofThreads[thread] = time
            }
        }
    }

    func seconds(since earlier: CPUTime) throws -> Double {
        var sum: UInt64 = 0
        for (thread, time) in ofThreads { sum += time - min(time, earlier.ofThreads[thread] ?? 0) }
        guard earlier.ofThreads.keys.allSatisfy({ ofThreads[$0] != nil }) else {
            throw Failure("a thread ended and took its CPU time with it")
        }
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
