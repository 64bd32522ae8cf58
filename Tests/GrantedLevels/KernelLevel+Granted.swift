// The levels that this kernel grants: tests run on these, and say which others they do not run on.

public import NBUring

extension KernelLevel {
    /// Each level that this kernel grants, lowest first. The first use in a process names the others on standard output.
    public static let granted: [KernelLevel] = {
        let refusals = allCases.compactMap { level in level.refusal.map { (level, $0) } }
        for (number, (level, reason)) in refusals.enumerated() {
            print("not run on this kernel, \(number + 1) of \(refusals.count): every test on \(level): \(reason)")
        }
        return allCases.filter { level in !refusals.contains { $0.0 == level } }
    }()

    /// The highest level that this kernel grants.
    public static var highestGranted: KernelLevel { granted[granted.count - 1] }

    /// Why this kernel does not grant the level; `nil` if it does. Where no ring can be made at all, every test is to run and
    /// to fail with the error.
    private var refusal: String? {
        guard let ring = try? Ring(RingOptions(submissionDepth: 1, completionDepth: 1, highestLevel: self)),
            ring.features.level != self
        else { return nil }
        return ring.features.reasons.first ?? "no reason is given"
    }
}
