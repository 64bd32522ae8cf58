import NBEngine

@testable import NBServer

/// Several histories at a time, whose loops share limits and the time.
///
/// Each has a thread of its own, of which one runs at a time: the loop that is about to wait lets another go on, which is drawn from the
/// seed. So a group that fails can be played again, too. Whenever a loop waits, all those that sleep are looked at: what one of them does
/// may be another one's business.
///
/// ```
///  loop 0: turn ─▶ wait ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄▶ turn ─▶ …
///  loop 1:          └─────▶ turn ─▶ wait ┄┄┄┄┄┄ │ ┄┄┄┄┄┄┄▶
///  loop 2:                           └─▶ end ───┘
/// ```
final class SimulatedGroup: @unchecked Sendable {
    private var random: Randomness
    private let chronicle: SimulatedChronicle
    private var histories: [SimulatedHistory] = []
    private let batons: [Baton]
    private let end = Baton()
    /// Those that have not come to their end.
    private var living: [Int]
    private var outcomes: [SimulatedHistory.Outcome] = []

    init(seed: UInt64, tracing: SimulatedChronicle.Tracing = .off) throws {
        random = Randomness(seed: seed)
        let count = 2 + random.below(3)
        chronicle = SimulatedChronicle(now: Instant(nanoseconds: 1_000_000_000), tracing: tracing)
        let limits = try SimulatedLimits(&random)
        let departures = SimulatedDepartures()
        batons = (0..<count).map { _ in Baton() }
        living = Array(0..<count)
        histories = try (0..<count).map { number in
            let kernel = SimulatedKernel(seed: seed &* 8 &+ UInt64(number), in: chronicle, named: "loop \(number): ")
            return try SimulatedHistory(on: kernel, limits: limits, departures: departures)
        }
        for (number, history) in histories.enumerated() {
            history.letOthersGoOn = { [unowned self] in
                check()
                passOn()
                batons[number].wait()
            }
        }
    }

    /// Plays all of them. What they know of each other is gone with the group.
    func run() throws -> SimulatedHistory.Outcome {
        for number in histories.indices {
            try startThread(named: "loop \(number)") { [self] in
                batons[number].wait()
                outcomes.append(histories[number].run())
                living.removeAll { $0 == number }
                check()
                passOn()
            }
        }
        passOn()
        end.wait()
        var tally = Tally()
        for outcome in outcomes { tally += outcome.tally }
        return SimulatedHistory.Outcome(
            violations: outcomes.flatMap(\.violations),
            trace: chronicle.trace,
            tally: tally
        )
    }

    /// Lets one history go on, or, after the last, the thread that waits for the end.
    private func passOn() {
        guard let next = random.element(of: living) else { return end.pass() }
        batons[next].pass()
    }

    /// What was done may be to be acted on by a loop that sleeps.
    private func check() {
        for number in living { histories[number].checkWhileOthersGoOn() }
    }
}
