import Glibc
import Testing

@testable import NBServer

/// Random histories on a simulated kernel. Two thousand of them, or as many as NB_HISTORIES says, from the seed NB_SEED
/// on; a failing one is told by its seed, and `NB_SEED=… NB_HISTORIES=1` plays it again and prints what happened.
@Suite struct SimulationTests {
    @Test func noHistoryBreaksTheContract() throws {
        let first = number("NB_SEED") ?? 1
        let count = number("NB_HISTORIES") ?? 2_000
        var (turns, faults) = (0, 0)
        for seed in first..<first + count {
            let sockets = try (0...seed % 3).map { _ in try ListenSocket("127.0.0.1:0", options: []) }
            let outcome = try SimulatedHistory(seed: seed, listeners: sockets, isTraced: count == 1).run()
            turns += outcome.turns
            faults += outcome.faults.values.reduce(0, +)
            if count == 1 { print(outcome.trace.joined(separator: "\n")) }
            guard outcome.violations.isEmpty else {
                Issue.record("NB_SEED=\(seed): \(outcome.violations.joined(separator: "; "))")
                return
            }
        }
        #expect(turns > count)
        print("\(count) histories, \(turns) turns, \(faults) faults")
    }

    private func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }
}
