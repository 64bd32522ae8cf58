// The rungs that this kernel grants: tests run on these, and say which others they do not run on.

public import NBUring

extension Rung {
    /// Each rung that this kernel grants, lowest first. The first use in a process names the others on standard output.
    public static let granted: [Rung] = {
        let refusals = allCases.compactMap { rung in rung.refusal.map { (rung, $0) } }
        for (number, (rung, reason)) in refusals.enumerated() {
            print("not run on this kernel, \(number + 1) of \(refusals.count): every test on \(rung): \(reason)")
        }
        return allCases.filter { rung in !refusals.contains { $0.0 == rung } }
    }()

    /// The highest rung that this kernel grants.
    public static var highestGranted: Rung { granted[granted.count - 1] }

    /// Why this kernel does not grant the rung; `nil` if it does. Where no ring can be made at all, every test is to run and
    /// to fail with the error.
    private var refusal: String? {
        guard let ring = try? Ring(RingOptions(submissionDepth: 1, completionDepth: 1, highestRung: self)),
            ring.features.rung != self
        else { return nil }
        return ring.features.reasons.first ?? "no reason is given"
    }
}
