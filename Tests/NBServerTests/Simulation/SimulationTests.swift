import Glibc
import Synchronization
import Testing

@testable import NBServer

/// Random histories on a simulated kernel: 20,000 of them, or as many as NB_HISTORIES says, from the seed NB_SEED on.
///
/// A history that fails is told by its seed, with the end of its trace; `NB_SEED=… NB_HISTORIES=1` plays it again and prints
/// everything that happened.
@Suite struct SimulationTests {
    @Test func noHistoryBreaksTheContract() async throws {
        let first = number("NB_SEED") ?? 1
        let count = number("NB_HISTORIES") ?? 20_000
        SeedsInPlay.tellWhenTheProcessTraps()
        let lanes = UInt64(min(Int(count), sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let failure = FirstFailure()
        let tally = try await withThrowingTaskGroup(of: Tally.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    try play(from: first + lane, to: first + count, by: lanes, printsTrace: count == 1, until: failure)
                }
            }
            return try await group.reduce(into: Tally()) { $0 += $1 }
        }
        print(tally.description)
        guard count >= 20_000, !failure.isKnown else { return }
        #expect(tally.histories == count)
        for fault in Fault.allCases { #expect(tally[fault] > 0, "\(fault) never happens") }
        for deed in Deed.allCases { #expect(tally[deed] > 0, "\(deed) never happens") }
    }

    /// The lowest seed of a history that has failed. Shared by the lanes.
    private final class FirstFailure: Sendable {
        // Signed, since Swift 6.3 compares as signed numbers those of which it takes the minimum.
        private let seed = Atomic<Int64>(.max)

        var isKnown: Bool { isBefore(UInt64(Int64.max)) }

        func note(_ seed: UInt64) { self.seed.min(Int64(clamping: seed), ordering: .relaxed) }

        /// Whether a history with a lower seed has failed.
        func isBefore(_ seed: UInt64) -> Bool { self.seed.load(ordering: .relaxed) < Int64(clamping: seed) }
    }

    /// Every so many-th seed, but none after one that has failed.
    private func play(
        from first: UInt64,
        to end: UInt64,
        by step: UInt64,
        printsTrace: Bool,
        until failure: FirstFailure
    ) throws -> Tally {
        var tally = Tally()
        for seed in stride(from: first, to: end, by: Int(step)) where !failure.isBefore(seed) {
            SeedsInPlay.note(seed, lane: Int(first % step))
            var history = try SimulatedHistory(seed: seed, tracing: printsTrace ? .printed : .off)
            var outcome = history.run()
            tally += outcome.tally
            // A ring that is lost leaves memory to the kernel, and nothing that is anybody else's.
            if !isKnownUniquelyReferenced(&history) {
                outcome.violations.append("the server is gone, and something of it still knows its behavior")
            }
            guard outcome.violations.isEmpty else {
                failure.note(seed)
                let trace = try SimulatedHistory(seed: seed, tracing: .kept).run().trace.suffix(30)
                Issue.record(
                    """
                    \(outcome.violations.prefix(3).joined(separator: "; ")); \(outcome.violations.count) in all
                    …
                    \(trace.joined(separator: "\n"))
                    again, and all of it: NB_SEED=\(seed) NB_HISTORIES=1 ./dev test --filter SimulationTests
                    """
                )
                return tally
            }
        }
        return tally
    }

    private func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }
}
