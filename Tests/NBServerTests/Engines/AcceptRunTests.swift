import Testing

@testable import NBServer

@Suite struct AcceptRunTests {
    /// However often runs are filled or find nothing, a run is one accept at least and has a longest length.
    @Test func aRunStaysWithinItsBounds() {
        var run = AcceptRun()
        let longest = run.length
        for _ in 0..<3 {
            run.wasFilled()
            #expect(run.length == longest)
        }
        for _ in 0..<20 { run.emptiedQueue(after: 0) }
        #expect(run.length == 1)
        for _ in 0..<20 { run.wasFilled() }
        #expect(run.length == longest)
    }

    @Test func aRunIsAsLongAsTheLastOneThatFoundTheQueueEmpty() {
        var run = AcceptRun()
        run.emptiedQueue(after: 5)
        #expect(run.length == 5)
        run.wasFilled()
        #expect(run.length == 10)
        run.emptiedQueue(after: 0)
        #expect(run.length == 5)
        run.emptiedQueue(after: 1)
        #expect(run.length == 1)
    }
}
