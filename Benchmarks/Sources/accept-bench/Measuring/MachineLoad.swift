import LoopbackClient
import Measuring

/// What the machine's CPUs have done, from a starting point on.
struct MachineLoad {
    private let start: Ticks
    private let begin = Moment.now()

    /// Sums over all CPUs, in hundredths of a second: user, nice, system, idle, iowait, irq, softirq, steal.
    private typealias Ticks = [UInt64]

    init() throws {
        start = try Self.ticks()
    }

    /// How much the hypervisor gave to others, and how much of a CPU everybody but the server and the generator used; both
    /// in percent of one CPU.
    func since(ownSeconds: Double) throws -> (steal: Double, others: Double) {
        let spent = zip(try Self.ticks(), start).map { Double($0 - min($0, $1)) / 100 }
        let seconds = max(0.01, Moment.now().since(begin).seconds)
        let busy = spent[0] + spent[1] + spent[2] + spent[5] + spent[6]
        return (100 * spent[7] / seconds, 100 * max(0, busy - ownSeconds) / seconds)
    }

    private static func ticks() throws -> Ticks {
        let path = "/proc/stat"
        let fields = try textOfFile(path).prefix(while: { $0 != "\n" }).split(separator: " ")
        let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard ticks.count == 8 else { throw Failure("\(path): not understood") }
        return ticks
    }
}
