// ConnectionLedger: nothing is lost in a sum, and every way to fail is told.

import Testing

@testable import accept_bench

struct ConnectionLedgerTests {
    /// Each count is another number, so that no two can be mistaken for each other.
    private let full = ConnectionLedger(
        started: 1000,
        connected: 900,
        answered: 800,
        refused: 1,
        reset: 2,
        timedOut: 4,
        wrong: 8,
        failed: 16,
        lastError: 24,
        cutOff: 64,
        unstarted: 32
    )

    @Test func aSumHasEveryCountOnce() {
        var sum = full
        sum.add(full)
        #expect(sum.started == 2000)
        #expect(sum.connected == 1800)
        #expect(sum.answered == 1600)
        #expect(sum.refused == 2)
        #expect(sum.reset == 4)
        #expect(sum.timedOut == 8)
        #expect(sum.wrong == 16)
        #expect(sum.failed == 32)
        #expect(sum.cutOff == 128)
        #expect(sum.unstarted == 64)
    }

    @Test func theLastErrorOutlastsThoseWhoHadNone() {
        var sum = full
        sum.add(ConnectionLedger())
        #expect(sum.lastError == 24)
        sum.add(ConnectionLedger(failed: 1, lastError: 97))
        #expect(sum.lastError == 97)
    }

    @Test func itIsCleanOnlyIfEverybodyWasAnsweredWhoWasDue() {
        #expect(ConnectionLedger().isClean)
        #expect(ConnectionLedger(started: 5, connected: 5, answered: 5).isClean)
        #expect(ConnectionLedger(started: 5, connected: 5, answered: 4, cutOff: 1).isClean)
        #expect(!ConnectionLedger(started: 5, connected: 5, answered: 4, wrong: 1).isClean)
        #expect(!ConnectionLedger(started: 5, connected: 5, answered: 5, unstarted: 1).isClean)
    }

    @Test func theComplaintNamesWhatWentWrongAndNothingElse() {
        #expect(ConnectionLedger(started: 5, connected: 5, answered: 5).complaint == nil)
        #expect(ConnectionLedger(started: 5, answered: 3, refused: 2).complaint == "of 5 connections 2 refused")
        #expect(
            full.complaint
                == "of 1000 connections 1 refused, 2 reset, 4 timed out, 8 answered wrongly, 16 failed with errno 24, "
                + "32 due and not begun"
        )
    }
}
