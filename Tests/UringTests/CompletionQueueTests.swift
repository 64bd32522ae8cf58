// Taking completions: bounded by the batch, in the kernel's order, around the queue's end, and past its depth.

import GrantedLevels
import NBEngine
import NBUring
import Testing

struct CompletionQueueTests {
    @Test(arguments: KernelLevel.granted)
    func whatTheBatchDoesNotTakeComesTheNextTime(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        try ring.prepareEchoes(0..<20)
        try ring.submit()
        var batch = CompletionBatch(capacity: 7)
        var taken: [Completion] = []
        for expected in [7, 7, 6, 0] {
            batch.removeAll()
            ring.ring.takeCompletions(into: &batch)
            #expect(batch.count == expected)
            taken += (0..<batch.count).map { batch[$0] }
        }
        #expect(taken == (0..<20).map { .echo($0) })
    }

    @Test(arguments: KernelLevel.granted)
    func takingAppendsToWhatTheBatchHolds(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        try ring.prepareEchoes(0..<5)
        try ring.submit()
        var batch = CompletionBatch(capacity: 4)
        batch.append(.echo(100))
        ring.ring.takeCompletions(into: &batch)
        #expect(batch.isFull == true)
        #expect((0..<4).map { batch[$0] } == [.echo(100), .echo(0), .echo(1), .echo(2)])
        ring.ring.takeCompletions(into: &batch)
        #expect(batch.count == 4)
        batch.removeAll()
        ring.ring.takeCompletions(into: &batch)
        #expect((0..<batch.count).map { batch[$0] } == [.echo(3), .echo(4)])
    }

    @Test(arguments: KernelLevel.granted, [1, 2, 3, 5, 7, 8])
    func theOrderHoldsAroundTheQueuesEnd(level: KernelLevel, portion: Int) throws {
        var ring = try DrivenRing(level, submissionDepth: 8, completionDepth: 8)
        for round in 0..<50 {
            let numbers = round * portion..<(round + 1) * portion
            try ring.prepareEchoes(numbers)
            try ring.submit()
            #expect(ring.ready() == numbers.map { .echo($0) })
        }
    }

    @Test(arguments: KernelLevel.granted)
    func aSmallBatchFollowsAQueueThatIsNeverEmpty(level: KernelLevel) throws {
        var ring = try DrivenRing(level, submissionDepth: 8, completionDepth: 8)
        var batch = CompletionBatch(capacity: 3)
        var taken: [Completion] = []
        try ring.prepareEchoes(0..<5)
        for round in 0..<40 {
            // Five to eight in the queue: three go, three come.
            try ring.submit()
            batch.removeAll()
            ring.ring.takeCompletions(into: &batch)
            #expect(batch.count == 3)
            taken += (0..<batch.count).map { batch[$0] }
            try ring.prepareEchoes(5 + round * 3..<8 + round * 3)
        }
        #expect(taken == (0..<120).map { .echo($0) })
        #expect(try ring.take(5) == (120..<125).map { .echo($0) })
    }

    @Test(arguments: KernelLevel.granted)
    func whatTheQueueHasNoRoomForWaitsInTheKernel(level: KernelLevel) throws {
        var ring = try DrivenRing(level, submissionDepth: 8, completionDepth: 8)
        for round in 0..<3 {
            try ring.prepareEchoes(round * 8..<(round + 1) * 8)
            try ring.submit()
        }
        var taken: [Completion] = []
        for _ in 0..<3 {
            let portion = ring.ready()
            #expect(portion.count == 8)
            taken += portion
            try ring.submit(.poll)
        }
        #expect(taken == (0..<24).map { .echo($0) })
        let rest = try ring.settle()
        #expect(rest == [])
    }
}
