/// A rung of the ladder of kernel features a ring is built on. Each rung has everything below it.
///
/// A ring takes the highest rung the kernel grants. Lower ones exist for older kernels; forcing one makes a newer
/// kernel behave as much like an older one as it can, which is how the tests walk the whole ladder.
public enum Rung: Int, CaseIterable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// Linux 5.11: one-shot accepts, a completion for every operation.
    case basic
    /// Linux 5.19: multishot accepts, silent successes, a registered ring descriptor, submissions that go on after a
    /// failed entry, and no interrupts to run completion work (`IORING_SETUP_COOP_TASKRUN`).
    case cooperative
    /// Linux 6.0: one thread submits, and the kernel relies on it (`IORING_SETUP_SINGLE_ISSUER`).
    case singleIssuer
    /// Linux 6.1, taken from 6.8 on: completion work runs only when that thread asks for completions
    /// (`IORING_SETUP_DEFER_TASKRUN`). Before, a multishot accept on such a ring may complete with a wrong descriptor.
    case deferred

    /// Whether `lower` stands below `higher`.
    public static func < (lower: Rung, higher: Rung) -> Bool { lower.rawValue < higher.rawValue }

    /// The rung's name and the first kernel that has it.
    public var description: String {
        switch self {
        case .basic: "basic (Linux 5.11)"
        case .cooperative: "cooperative (Linux 5.19)"
        case .singleIssuer: "single issuer (Linux 6.0)"
        case .deferred: "deferred (Linux 6.1)"
        }
    }
}
