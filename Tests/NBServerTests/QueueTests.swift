import Testing

@testable import NBServer

@Suite struct QueueTests {
    private final class Counted {
        let number: Int
        init(_ number: Int) { self.number = number }
    }

    @Test func whatIsPutInComesOutInItsOrder() {
        var queue = Queue<Int>()
        #expect(queue.popFirst() == nil)
        var (next, expected) = (0, 0)
        // Grows and wraps around at every length.
        for length in 1...40 {
            for _ in 0..<length {
                queue.append(next)
                next += 1
            }
            #expect(queue.count == next - expected)
            for _ in 0..<(length + 1) / 2 {
                #expect(queue.popFirst() == expected)
                expected += 1
            }
        }
        while let element = queue.popFirst() {
            #expect(element == expected)
            expected += 1
        }
        #expect(expected == next)
        #expect(queue.isEmpty)
    }

    @Test func aQueueThatIsAsLongAsBeforeNeedsNoMemoryUnlessItWasVeryLong() {
        var queue = Queue<Int>()
        for (length, capacity, kept) in [
            (5, 8, 8), (8, 8, 8), (9, 16, 16), (3, 16, 16), (1024, 1024, 1024), (1025, 2048, 0),
        ] {
            for number in 0..<length { queue.append(number) }
            #expect(queue.capacity == capacity)
            for number in 0..<length { #expect(queue.popFirst() == number) }
            #expect(queue.capacity == kept)
        }
    }

    /// An optional is an element like any other.
    @Test func anElementMayBeNil() {
        var queue = Queue<Int?>()
        queue.append(nil)
        queue.append(1)
        #expect(queue.popFirst() == .some(nil))
        #expect(queue.popFirst() == .some(1))
        #expect(queue.popFirst() == nil)
    }

    @Test func anElementIsReleasedWhenItIsTakenAndTheOthersWithTheQueue() {
        var queue = Queue<Counted>()
        let elements = WeakElements()
        for number in 0..<20 { queue.append(elements.make(number)) }
        for number in 0..<5 {
            #expect(queue.popFirst()?.number == number)
            #expect(elements.living == Array(number + 1..<20))
        }
        // Into the places of those that were taken.
        for number in 20..<25 { queue.append(elements.make(number)) }
        #expect(elements.living == Array(5..<25))
        queue = Queue()
        #expect(elements.living.isEmpty)
    }

    private final class WeakElements {
        private struct Reference { weak var element: Counted? }
        private var references: [Reference] = []

        func make(_ number: Int) -> Counted {
            let element = Counted(number)
            references.append(Reference(element: element))
            return element
        }

        var living: [Int] { references.compactMap { $0.element?.number } }
    }
}
