/// A level of io_uring, by the version of Linux that brought it. Each level has everything of those below it.
///
/// A ring takes the highest level that the kernel grants. Lower ones exist for older kernels. A ring that is held to a lower level
/// makes a newer kernel behave as much like an older one as it can, which is how the tests run on all levels.
public enum KernelLevel: Int, CaseIterable, Comparable, Hashable, Sendable, CustomStringConvertible {
    /// Linux 5.11: one-shot accepts, a completion for every operation.
    case linux5_11
    /// Linux 5.19: multishot accepts, silent successes, a registered ring descriptor, submissions that go on after a
    /// failed entry, and no interrupts to run completion work (`IORING_SETUP_COOP_TASKRUN`).
    case linux5_19
    /// Linux 6.0: one thread submits, and the kernel relies on it (`IORING_SETUP_SINGLE_ISSUER`).
    case linux6_0
    /// Linux 6.1, taken from 6.8 on: completion work runs only when that thread asks for completions
    /// (`IORING_SETUP_DEFER_TASKRUN`). Before, a multishot accept on such a ring may complete with a wrong descriptor.
    case linux6_1

    /// Whether `lower` stands below `higher`.
    public static func < (lower: KernelLevel, higher: KernelLevel) -> Bool { lower.rawValue < higher.rawValue }

    /// The first version of Linux that has the level: its major and its minor number.
    public var version: [Int] {
        switch self {
        case .linux5_11: [5, 11]
        case .linux5_19: [5, 19]
        case .linux6_0: [6, 0]
        case .linux6_1: [6, 1]
        }
    }

    /// The level's first kernel: `Linux 5.19`.
    public var description: String { "Linux \(version[0]).\(version[1])" }
}
