/// A number that a queue counts up; belongs to the queue.
final class PlainCounter: @unchecked Sendable {
    private var count = 0

    @discardableResult
    func next() -> Int {
        count += 1
        return count
    }
}
