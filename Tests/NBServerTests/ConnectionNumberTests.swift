import Testing

@testable import NBServer

/// The numbers of connections: each is given once, and loops that give them share one write for a whole block.
struct ConnectionNumberTests {
    private static let block = Int(ConnectionNumbers.blockSize)

    @Test func loopsThatGiveThemInTurnGiveEachOnce() {
        var loops = [ConnectionNumbers(), ConnectionNumbers(), ConnectionNumbers()]
        var given: Set<UInt64> = []
        for turn in 0..<3 * Self.block + 3 {
            let number = loops[turn % 3].next()
            #expect(number > 0)
            #expect(given.insert(number).inserted)
        }
    }

    /// A number that does not follow the one before is the first of another block.
    @Test func aBlockIsUsedUpBeforeTheNextIsTaken() {
        var numbers = ConnectionNumbers()
        for _ in 0..<3 {
            let first = numbers.next()
            #expect(first % ConnectionNumbers.blockSize == 1)
            let others = (1..<Self.block).map { _ in numbers.next() }
            #expect(others == (1..<Self.block).map { first + UInt64($0) })
        }
    }
}
