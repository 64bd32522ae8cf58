internal import NBLibc

/// The processors that this process may use. A value.
struct Processors: Hashable, Sendable {
    /// Those that the affinity of the calling thread allows, by the kernel's numbers; never empty.
    let allowed: [Int]
    /// How many of them the control group's quota pays for, in thousandths; `nil` without a quota.
    let quota: Int?

    /// How many threads can run at once all the time, one at the least.
    var usableCount: Int {
        guard let quota else { return allowed.count }
        return max(1, min(allowed.count, (quota + 999) / 1000))
    }

    /// Looks.
    init(read: (String) -> SystemText = SystemText.read) {
        let quota = try? ControlGroupLimits(read: read).thousandthsOfProcessors.get()
        self.init(allowed: Self.affinity, quota: quota ?? nil)
    }

    init(allowed: [Int], quota: Int?) {
        self.allowed = allowed.isEmpty ? [0] : allowed
        self.quota = quota
    }

    private static let wordBits = UInt.bitWidth

    /// The kernel refuses a mask that is shorter than its own.
    private static var affinity: [Int] {
        var mask = [UInt](repeating: 0, count: 1024)
        let size = nb_server_get_affinity(&mask, mask.count * MemoryLayout<UInt>.size)
        guard size > 0 else { return [] }
        return (0..<Int(size) * 8).filter { mask[$0 / wordBits] >> ($0 % wordBits) & 1 == 1 }
    }

    /// Keeps the calling thread to one processor. `sched_setaffinity(2)`.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/thread``.
    static func pinThread(to processor: Int) throws(ServerError) {
        var mask = [UInt](repeating: 0, count: processor / wordBits + 1)
        mask[processor / wordBits] = 1 << (processor % wordBits)
        guard nb_server_set_affinity(mask, mask.count * MemoryLayout<UInt>.size) < 0 else { return }
        let cure =
            "processor \(processor) is not there any more, or not for this process: leave GroupOptions.isPinned off"
        throw ServerError(.thread, operation: "sched_setaffinity", errno: errno, cure: cure)
    }
}
