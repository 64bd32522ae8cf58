// StreamPace: when connections are due, and that lateness does not move the schedule.

import Testing

@testable import accept_bench

struct StreamPaceTests {
    private let start: Moment = 5_000_000_000

    /// For a second from `start`.
    private func pace(_ pace: LoadStream.Pace, count: Int? = nil, isBackground: Bool = false) -> StreamPace {
        let stream = LoadStream(targets: [], pace: pace, count: count, isBackground: isBackground)
        return StreamPace(stream, from: start, until: start + 1_000_000_000)
    }

    @Test func anOpenLoopIsDueAtFixedTimes() {
        var pace = pace(.open(perSecond: 4, atMost: 100))
        for number in 0..<4 {
            let due = start + Moment(number) * 250_000_000
            #expect(pace.nextDue(start) == due)
            #expect(pace.take(due - 1) == nil)
            #expect(pace.take(due) == due)
        }
        #expect(pace.begun == 4)
        #expect(pace.take(start + 999_999_999) == nil)
        #expect(pace.nextDue(start + 999_999_999) == .max)
        #expect(pace.overdue == 0)
    }

    @Test func whoComesLateGetsEveryConnectionThatWasDueAndWhenItWas() {
        var pace = pace(.open(perSecond: 1000, atMost: 100))
        let late = start + 2_500_000
        #expect(pace.take(late) == start)
        #expect(pace.take(late) == start + 1_000_000)
        #expect(pace.take(late) == start + 2_000_000)
        #expect(pace.take(late) == nil)
        #expect(pace.nextDue(late) == start + 3_000_000)
    }

    @Test func whatWouldHaveBeenDueAfterAnInterruptionIsNotOwed() {
        var pace = pace(.open(perSecond: 10, atMost: 100))
        for _ in 0..<4 { #expect(pace.take(start + 550_000_000) != nil) }
        pace.cut(start + 550_000_000)
        #expect(pace.overdue == 2)
    }

    @Test func anOpenLoopOwesAfterItsEndWhatWasDueBefore() {
        var pace = pace(.open(perSecond: 10, atMost: 100))
        let after = start + 7_000_000_000
        #expect(pace.overdue == 10)
        #expect(pace.hasMore(after))
        var last: Moment?
        while let due = pace.take(after) { last = due }
        #expect(last == start + 900_000_000)
        #expect(pace.begun == 10)
        #expect(pace.overdue == 0)
        #expect(!pace.hasMore(after))
    }

    @Test func aRateThatIsNoWholeNumberOfNanosecondsDoesNotDrift() {
        var pace = pace(.open(perSecond: 3000, atMost: 100))
        var last: Moment?
        while let due = pace.take(start + 2_000_000_000) { last = due }
        #expect(pace.begun == 3000)
        #expect(last == start + 999_666_666)
    }

    @Test func whatIsDueBeforeTheEndIsOwedAndWhatIsDueAfterItIsNot() {
        // At 0, 0.4 and 0.8 seconds of one.
        var pace = pace(.open(perSecond: 2.5, atMost: 100))
        #expect(pace.overdue == 3)
        while pace.take(start + 5_000_000_000) != nil {}
        #expect(pace.begun == 3)
        #expect(pace.overdue == 0)
    }

    @Test func noMoreConnectionsThanWereAskedFor() {
        var open = pace(.open(perSecond: 1000, atMost: 100), count: 3)
        var closed = pace(.closed(inFlight: 100), count: 3)
        #expect(open.overdue == 3)
        let late = start + 900_000_000
        for _ in 0..<3 {
            #expect(open.take(late) != nil)
            #expect(closed.take(late) != nil)
        }
        #expect(open.take(late) == nil)
        #expect(closed.take(late) == nil)
        #expect(open.overdue == 0)
    }

    @Test func aClosedLoopBeginsWheneverAClientIsFree() {
        var pace = pace(.closed(inFlight: 2))
        #expect(pace.take(start) == start)
        #expect(pace.take(start + 17) == start + 17)
        // Nothing is due by itself: the next begins when one has ended.
        #expect(pace.nextDue(start + 17) == .max)
        #expect(pace.take(start + 999_999_999) == start + 999_999_999)
        #expect(pace.take(start + 1_000_000_000) == nil)
        #expect(pace.overdue == 0)
    }

    @Test func whatIsInTheBackgroundGoesOnAndOwesNothing() {
        var pace = pace(.open(perSecond: 1, atMost: 100), isBackground: true)
        #expect(pace.take(start) == start)
        #expect(pace.take(start + 30_000_000_000) == start + 1_000_000_000)
        #expect(pace.overdue == 0)
    }
}
