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
        let tally = try await playAll(from: first, count) { seed, tracing in
            var history = try SimulatedHistory(seed: seed, tracing: tracing)
            var outcome = history.run()
            // A ring that is lost leaves memory to the kernel, and nothing that is anybody else's.
            if !isKnownUniquelyReferenced(&history) {
                outcome.violations.append("the server is gone, and something of it still knows its behavior")
            }
            return outcome
        }
        guard count >= 20_000, let tally else { return }
        #expect(tally.histories == count)
        for fault in Fault.allCases { #expect(tally[fault] > 0, "\(fault) never happens") }
        for deed in Deed.allCases { #expect(tally[deed] > 0, "\(deed) never happens") }
    }

    /// As many groups of two to four loops, for twenty histories one.
    @Test func noLoopsTogetherBreakTheirLimits() async throws {
        let first = number("NB_SEED") ?? 1
        let count = max(1, (number("NB_HISTORIES") ?? 20_000) / 20)
        let tally = try await playAll(from: first, count) { seed, tracing in
            try SimulatedGroup(seed: seed, tracing: tracing).run()
        }
        guard count >= 1_000, let tally else { return }
        #expect(tally.histories >= 2 * count)
        let limits: [Deed] = [.waitedAtLimit, .wokenAtLimit, .resetAtLimit, .changedLimits]
        let sources: [Deed] = [.resetForItsSource, .denied]
        let departures: [Deed] = [.servedQueue, .unservedQueue, .hastyDeparture, .departed]
        for deed in limits + sources + departures {
            #expect(tally[deed] > 0, "\(deed) never happens")
        }
    }

    private typealias Play = @Sendable (UInt64, SimulatedChronicle.Tracing) throws -> SimulatedHistory.Outcome

    /// Plays so many seeds, and prints what they came to.
    ///
    /// - Returns: that; `nil` if one has failed.
    private func playAll(from first: UInt64, _ count: UInt64, _ play: @escaping Play) async throws -> Tally? {
        SeedsInPlay.tellWhenTheProcessTraps()
        let lanes = UInt64(min(Int(count), sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let failure = FirstFailure()
        let tally = try await withThrowingTaskGroup(of: Tally.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    let seeds = stride(from: first + lane, to: first + count, by: Int(lanes))
                    return try playSome(seeds, lane, isOnly: count == 1, until: failure, play)
                }
            }
            return try await group.reduce(into: Tally()) { $0 += $1 }
        }
        print(tally.description)
        return failure.isKnown ? nil : tally
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

    /// None after one that has failed.
    private func playSome(
        _ seeds: StrideTo<UInt64>,
        _ lane: UInt64,
        isOnly: Bool,
        until failure: FirstFailure,
        _ play: Play
    ) throws -> Tally {
        var tally = Tally()
        for seed in seeds where !failure.isBefore(seed) {
            SeedsInPlay.note(seed, lane: Int(lane))
            let outcome = try play(seed, isOnly ? .printed : .off)
            tally += outcome.tally
            guard outcome.violations.isEmpty else {
                failure.note(seed)
                let trace = try play(seed, .kept).trace.suffix(30)
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
