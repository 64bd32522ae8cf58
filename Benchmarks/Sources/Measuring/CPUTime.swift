package import Glibc

/// The time that processes have spent on a CPU, as the scheduler counts it.
///
/// It is the counter that `/proc/PID/schedstat` shows, summed over threads and read through the processes' CPU clocks, which
/// include the time of threads that have ended. Time in interrupts is charged to the thread that was interrupted.
package struct CPUTime: Equatable, Sendable {
    private var nanosecondsOfProcesses: [pid_t: UInt64] = [:]

    package init(of processes: [pid_t]) throws {
        for process in processes {
            var clock = clockid_t()
            var time = timespec()
            guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
                throw Failure("process \(process) has ended")
            }
            nanosecondsOfProcesses[process] = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
    }

    package func seconds(since earlier: CPUTime) -> Double {
        Double(nanoseconds(since: earlier)) / 1e9
    }

    package func microseconds(since earlier: CPUTime) -> Double {
        Double(nanoseconds(since: earlier)) / 1e3
    }

    private func nanoseconds(since earlier: CPUTime) -> UInt64 {
        nanosecondsOfProcesses.map { process, time in
            time - min(time, earlier.nanosecondsOfProcesses[process] ?? 0)
        }.reduce(0, +)
    }

    /// The time once the processes have nothing more to do: when a few looks in a row find the same.
    ///
    /// - Returns: nil if they are still busy after `limit`.
    package static func onceIdle(_ processes: [pid_t], within limit: Duration) throws -> CPUTime? {
        let deadline = ContinuousClock.now + limit
        var latest = try CPUTime(of: processes)
        var looksUnchanged = 0
        while looksUnchanged < 5 {
            guard ContinuousClock.now < deadline else { return nil }
            try Interruption.check()
            usleep(1000)
            let now = try CPUTime(of: processes)
            looksUnchanged = now == latest ? looksUnchanged + 1 : 0
            latest = now
        }
        return latest
    }
}
