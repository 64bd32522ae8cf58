internal import Glibc
internal import Measuring

/// What the server's process has when it has nothing to do, and comes back to after every phase, exactly.
struct Baseline {
    /// How often in a row it has to be seen.
    private static let looks = 5
    private static let patience = Duration.seconds(30)

    private let process: pid_t
    private let descriptors: [String: Int]
    private let threads: Int

    init(of process: pid_t) throws {
        self.process = process
        descriptors = try ProcessStatus.descriptorKinds(of: process)
        threads = try ProcessStatus(of: process).threads
    }

    var text: String { "\(descriptorCount) descriptors and \(threads) threads" }

    var descriptorCount: Int { descriptors.values.reduce(0, +) }

    /// Waits until the process has come back to this and stays there; if it does not, that is a problem of the phase's.
    func waitForIt(_ ledger: Ledger) throws {
        let limit = ContinuousClock.now + Self.patience
        var looks = 0
        while looks < Self.looks {
            try Interruption.check()
            let status = try ProcessStatus(of: process)
            looks = status.descriptors == descriptorCount && status.threads == threads ? looks + 1 : 0
            guard limit > .now else { return try report(to: ledger) }
            pauseBriefly()
        }
    }

    private func report(to ledger: Ledger) throws {
        let present = try ProcessStatus.descriptorKinds(of: process)
        for kind in Set(present.keys).union(descriptors.keys).sorted() {
            let (count, expected) = (present[kind] ?? 0, descriptors[kind] ?? 0)
            ledger.expect(["descriptors: \(kind)": count], equals: ["when idle": expected])
        }
        ledger.expect(["threads": try ProcessStatus(of: process).threads], equals: ["when idle": threads])
    }
}
