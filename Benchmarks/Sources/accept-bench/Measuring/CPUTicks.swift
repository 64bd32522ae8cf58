import Measuring

/// How much each CPU has worked since the machine was started, in hundredths of a second, as `/proc/stat` has it.
struct CPUTicks {
    private struct Ticks {
        /// User, nice, system and interrupts.
        let busy: UInt64
        let waitingForIO: UInt64
        let steal: UInt64
    }

    private var ofProcessors: [Int: Ticks] = [:]

    init(_ text: String) throws {
        for line in text.split(separator: "\n") where line.hasPrefix("cpu") {
            let fields = line.split(separator: " ")
            // The first line has no number: it is the sum.
            guard let processor = Int(fields[0].dropFirst("cpu".count)) else { continue }
            // User, nice, system, idle, waiting for input and output, interrupts, soft interrupts, steal.
            let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
            guard ticks.count == 8 else { throw Failure("/proc/stat: not understood") }
            ofProcessors[processor] = Ticks(
                busy: ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6],
                waitingForIO: ticks[4],
                steal: ticks[7]
            )
        }
        guard !ofProcessors.isEmpty else { throw Failure("/proc/stat: not understood") }
    }

    var processors: [Int] { ofProcessors.keys.sorted() }

    /// How long these CPUs have been idle and accounted as waiting for I/O since then, in seconds of one CPU.
    func secondsWaitingForIO(of processors: [Int], since earlier: CPUTicks) -> Double {
        processors.map { processor in
            guard let now = ofProcessors[processor], let then = earlier.ofProcessors[processor] else { return 0 }
            // The kernel's sums may go back a little.
            return Double(now.waitingForIO - min(now.waitingForIO, then.waitingForIO)) / 100
        }.reduce(0, +)
    }

    /// What some of the CPUs have done since then, which is so long ago, and of which the server or its clients used so much.
    func share(of processors: [Int], since earlier: CPUTicks, seconds: Double, ownSeconds: Double) -> CPUShare {
        var busy = 0.0
        var steal = 0.0
        for processor in processors {
            guard let now = ofProcessors[processor], let then = earlier.ofProcessors[processor] else { continue }
            // The kernel's sums may go back a little.
            busy += Double(now.busy - min(now.busy, then.busy)) / 100
            steal += Double(now.steal - min(now.steal, then.steal)) / 100
        }
        return CPUShare(
            busy: 100 * busy / seconds,
            others: 100 * max(0, busy - ownSeconds) / seconds,
            steal: 100 * steal / seconds
        )
    }
}
