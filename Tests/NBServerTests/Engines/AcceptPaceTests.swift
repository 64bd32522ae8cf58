import Testing

@testable import NBServer

/// When connections count as staying.
@Suite struct TurnoverTests {
    /// Accepts in a run, after which so many have ended.
    private func note(_ turnover: inout Turnover, accepted: Int, ended: Int) {
        turnover.noteRun()
        for _ in 0..<accepted { turnover.noteAccepted() }
        turnover.noteEnded(ended)
    }

    /// A run belongs to a sample until 64 connections were accepted, and the run after that concludes the sample.
    @Test(arguments: [1, 7, 64, 1000])
    func connectionsStayWhenFourSamplesInARowHaveFewEnds(runLength: Int) {
        var turnover = Turnover()
        let runsOfASample = (64 + runLength - 1) / runLength
        for _ in 0..<4 * runsOfASample {
            #expect(!turnover.mostStay)
            note(&turnover, accepted: runLength, ended: max(0, runLength / 2 - 1))
        }
        turnover.noteRun()
        #expect(turnover.mostStay)
        // It stays so while few end.
        for _ in 0..<10 * runsOfASample { note(&turnover, accepted: runLength, ended: 0) }
        #expect(turnover.mostStay)
    }

    @Test func oneSampleInWhichHalfHaveEndedIsEnough() {
        var turnover = Turnover()
        for _ in 0..<4 { note(&turnover, accepted: 64, ended: 0) }
        note(&turnover, accepted: 64, ended: 32)
        #expect(turnover.mostStay)
        turnover.noteRun()
        #expect(!turnover.mostStay)
        // Three samples more are not enough again.
        for _ in 0..<3 { note(&turnover, accepted: 64, ended: 31) }
        note(&turnover, accepted: 64, ended: 32)
        turnover.noteRun()
        #expect(!turnover.mostStay)
    }

    /// As where each connection waits for its request: what one run has accepted ends after the next.
    @Test func endsThatComeARunLaterDoNotCountAsFew() {
        var turnover = Turnover()
        note(&turnover, accepted: 256, ended: 0)
        for _ in 0..<100 {
            note(&turnover, accepted: 256, ended: 256)
            #expect(!turnover.mostStay)
        }
    }
}
