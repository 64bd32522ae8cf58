// CPUTicks: which CPU did what, less what was the measurement's own.

import Testing

@testable import Measuring
@testable import accept_bench

struct CPUTicksTests {
    // User, nice, system, idle, waiting, interrupts, soft interrupts, steal, and two that are part of others.
    private let before = """
        cpu  300 20 200 9000 90 12 14 16 5 5
        cpu0 100 10 100 4000 50 5 6 7 5 0
        cpu1 200 10 100 5000 40 7 8 9 0 5
        intr 12345 0
        """
    private let after = """
        cpu  391 20 231 9090 91 15 20 31 5 5
        cpu0 110 11 120 4080 50 6 8 12 5 0
        cpu1 281 9 111 5010 65 9 12 19 0 5
        intr 99999 0
        """

    private func share(_ processors: [Int], seconds: Double, own: Double) throws -> CPUShare {
        try CPUTicks(after).share(of: processors, since: CPUTicks(before), seconds: seconds, ownSeconds: own)
    }

    @Test func eachProcessorHasItsLine() throws {
        #expect(try CPUTicks(before).processors == [0, 1])
    }

    @Test func whatRanWasTheServerOrSomethingElse() throws {
        // 10 + 1 + 20 + 1 + 2 hundredths in half a second, 24 of them the server's.
        let share = try share([0], seconds: 0.5, own: 0.24)
        #expect((share.busy * 1000).rounded() == 68_000)
        #expect((share.others * 1000).rounded() == 20_000)
        #expect((share.steal * 1000).rounded() == 10_000)
    }

    @Test func severalAddUpAndACounterThatGoesBackIsNoLoss() throws {
        // The second: 81 - 1 + 11 + 2 + 4.
        let share = try share([0, 1], seconds: 1, own: 0)
        #expect((share.busy * 1000).rounded() == 131_000)
        #expect((share.steal * 1000).rounded() == 15_000)
        let none = try CPUTicks(before).share(of: [0, 1], since: CPUTicks(after), seconds: 1, ownSeconds: 0)
        #expect(none == CPUShare())
    }

    @Test func whatWaitedForIOIsApart() throws {
        let (before, after) = (try CPUTicks(before), try CPUTicks(after))
        #expect(after.secondsWaitingForIO(of: [0, 1], since: before) == 0.25)
        #expect(after.secondsWaitingForIO(of: [0], since: before) == 0)
        #expect(before.secondsWaitingForIO(of: [1], since: after) == 0)
    }

    @Test func theServersOwnIsNeverMoreThanAll() throws {
        #expect(try share([0], seconds: 1, own: 7).others == 0)
    }

    @Test(arguments: ["", "cpu  1 2 3 4 5 6 7 8", "cpu0 1 2 3"]) func anythingElseIsNotUnderstood(text: String) {
        #expect(throws: Failure.self) { try CPUTicks(text) }
    }
}
