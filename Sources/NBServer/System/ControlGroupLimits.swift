/// The limits of the control groups that this process is in: for each kind the least of its group and of those above.
/// `cgroups(7)`, either version; `nil` where there is no limit. A value.
struct ControlGroupLimits: Hashable, Sendable {
    var thousandthsOfProcessors: Result<Int?, Unknown>
    var memory: Result<UInt64?, Unknown>
    var threads: Result<UInt64?, Unknown>
}

extension ControlGroupLimits {
    /// Finds them in files that are read by `read`.
    init(read: (String) -> SystemText) {
        let membership = ControlGroupMembership(
            groups: read("/proc/self/cgroup"),
            mounts: read("/proc/self/mountinfo")
        )
        thousandthsOfProcessors = membership.least("cpu") { folder, version throws(Unknown) in
            try Self.processors(folder, version, read)
        }
        memory = membership.least("memory") { folder, version throws(Unknown) in
            try Self.number(folder + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes"), read)
        }
        threads = membership.least("pids") { folder, _ throws(Unknown) in try Self.number(folder + "/pids.max", read) }
    }

    private static func processors(
        _ folder: String,
        _ version: Int,
        _ read: (String) -> SystemText
    ) throws(Unknown) -> Int? {
        let text: SystemText
        if version == 2 {
            text = read("\(folder)/cpu.max")
        } else {
            let (quota, period) = (read("\(folder)/cpu.cfs_quota_us"), read("\(folder)/cpu.cfs_period_us"))
            if case .text(let quota) = quota, case .text(let period) = period {
                text = SystemText(quota == "-1" ? "max \(period)" : "\(quota) \(period)")
            } else {
                text = quota
            }
        }
        if text == .absent { return nil }
        if case .text(let words) = text, words.hasPrefix("max ") { return nil }
        let numbers = try text.numbers(2, as: "the processor quota of \(folder)")
        guard numbers[0] > 0, numbers[1] > 0 else {
            throw Unknown("the processor quota of \(folder) is not above zero")
        }
        let (thousandths, overflows) = numbers[0].multipliedReportingOverflow(by: 1000)
        return overflows ? nil : thousandths / numbers[1]
    }

    /// Version 1 says of memory without a limit that it is all that can be addressed, less a page.
    private static func number(_ path: String, _ read: (String) -> SystemText) throws(Unknown) -> UInt64? {
        let text = read(path)
        if text == .absent || text == .text("max") { return nil }
        let number = UInt64(try text.numbers(1, as: path)[0].magnitude)
        return number >= 1 << 62 ? nil : number
    }
}
