import Testing

@testable import NBServer

/// When connections are accepted one by one.
@Suite struct AcceptPaceTests {
    /// A run, of which so many connections are served at once and after which so many have ended.
    private func run(_ pace: inout AcceptPace, of count: Int, served: Int, ended: Int) {
        pace.noteRun()
        for _ in 0..<count { pace.noteAccepted() }
        for _ in 0..<served { pace.noteServed() }
        pace.noteEnded(ended)
    }

    /// A run belongs to a sample until 64 connections were accepted, and the run after that concludes the sample.
    @Test(arguments: [1, 7, 64, 1000])
    func itTakesFourSamplesToChangeToOneByOne(runLength: Int) {
        var pace = AcceptPace(acceptsInRunsOnly: false)
        let runsOfASample = (64 + runLength - 1) / runLength
        let (served, ended) = ((runLength + 1) / 2, max(0, runLength / 2 - 1))
        for _ in 0..<4 * runsOfASample {
            #expect(!pace.isOneByOne)
            run(&pace, of: runLength, served: served, ended: ended)
        }
        pace.noteRun()
        #expect(pace.isOneByOne)
        for _ in 0..<10 * runsOfASample { run(&pace, of: runLength, served: served, ended: 0) }
        #expect(pace.isOneByOne)
    }

    /// Half have ended, or fewer than half are served at once.
    @Test(arguments: [(64, 32), (31, 0)])
    func itTakesOneSampleToChangeBack(served: Int, ended: Int) {
        var pace = AcceptPace(acceptsInRunsOnly: false)
        for _ in 0..<4 { run(&pace, of: 64, served: 64, ended: 0) }
        run(&pace, of: 64, served: served, ended: ended)
        #expect(pace.isOneByOne)
        pace.noteRun()
        #expect(!pace.isOneByOne)
        // Three samples more are not enough again.
        for _ in 0..<3 { run(&pace, of: 64, served: 32, ended: 31) }
        run(&pace, of: 64, served: served, ended: ended)
        pace.noteRun()
        #expect(!pace.isOneByOne)
    }

    /// As where each connection waits for its request: what one run has accepted ends after the next.
    @Test func endsThatComeARunLaterAreMany() {
        var pace = AcceptPace(acceptsInRunsOnly: false)
        run(&pace, of: 256, served: 256, ended: 0)
        for _ in 0..<100 {
            run(&pace, of: 256, served: 256, ended: 256)
            #expect(!pace.isOneByOne)
        }
    }

    @Test func whereItIsRunsOnlyItStaysSo() {
        var pace = AcceptPace(acceptsInRunsOnly: true)
        for _ in 0..<10 { run(&pace, of: 64, served: 64, ended: 0) }
        #expect(!pace.isOneByOne)
    }
}
