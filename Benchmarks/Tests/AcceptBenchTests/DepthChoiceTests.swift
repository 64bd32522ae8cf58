// DepthChoice: the usual depth, unless another one is clearly cheaper.

import Testing

@testable import accept_bench

struct DepthChoiceTests {
    @Test func anotherDepthHasToBeClearlyCheaperAndInEveryRound() {
        #expect(DepthChoice.best(of: [64: [0.9, 0.96, 0.97], 256: [1, 1, 1], 4096: [1.1, 1.1, 1.1]]) == 256)
        #expect(DepthChoice.best(of: [64: [0.9, 0.94, 0.97], 256: [1, 1, 1], 4096: [1.1, 1.1, 1.1]]) == 64)
        #expect(DepthChoice.best(of: [64: [0.9, 0.94, 0.97], 256: [1, 1, 1], 4096: [0.9, 0.9, 0.9]]) == 4096)
        #expect(DepthChoice.best(of: [64: [0.8, 0.8, 1.01], 256: [1, 1, 1], 4096: [1, 1, 1]]) == 256)
    }

    @Test func oneThatWasNotMeasuredIsNotChosen() {
        #expect(DepthChoice.best(of: [64: [], 256: [1, 1, 1], 4096: [1, 1, 1]]) == 256)
        #expect(DepthChoice.best(of: [64: [], 256: [], 4096: []]) == 256)
    }
}
