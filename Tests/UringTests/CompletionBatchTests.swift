// CompletionBatch and the completions engines make up: order, bounds, and that emptying keeps the room.

import NBEngine
import Testing

struct CompletionBatchTests {
    @Test func aBatchKeepsTheOrderUntilItIsFull() {
        var batch = CompletionBatch(capacity: 3)
        #expect(batch.capacity == 3)
        for number in 0..<3 {
            #expect(batch.count == number)
            #expect(batch.isFull == false)
            batch.append(.echo(number))
        }
        #expect(batch.count == 3)
        #expect(batch.isFull == true)
        for number in 0..<3 { #expect(batch[number] == .echo(number)) }
    }

    @Test func anEmptiedBatchTakesAsManyAgain() {
        var batch = CompletionBatch(capacity: 2)
        for round in 0..<3 {
            batch.append(.echo(round))
            batch.append(.echo(round + 10))
            #expect(batch.isFull == true)
            #expect(batch[0] == .echo(round))
            #expect(batch[1] == .echo(round + 10))
            batch.removeAll()
            #expect(batch.count == 0)
            #expect(batch.isFull == false)
            #expect(batch.capacity == 2)
        }
    }

    @Test func aMadeUpCompletionIsTheLastUnlessItSaysOtherwise() {
        let last = Completion(token: .numbered(1), result: -5)
        #expect(last.token == .numbered(1))
        #expect(last.result == -5)
        #expect(last.isLast == true)
        #expect(Completion(token: .numbered(1), result: 0, isLast: false).isLast == false)
    }

    @Test func appendingToAFullBatchTraps() async {
        await #expect(processExitsWith: .failure) {
            var batch = CompletionBatch(capacity: 1)
            batch.append(Completion(token: Token(rawValue: 0), result: 0))
            batch.append(Completion(token: Token(rawValue: 0), result: 0))
        }
    }

    @Test func anIndexPastTheCountTraps() async {
        await #expect(processExitsWith: .failure) {
            var batch = CompletionBatch(capacity: 2)
            batch.append(Completion(token: Token(rawValue: 0), result: 0))
            _ = batch[1]
        }
    }

    @Test func aBatchForNothingTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = CompletionBatch(capacity: 0)
        }
    }
}
