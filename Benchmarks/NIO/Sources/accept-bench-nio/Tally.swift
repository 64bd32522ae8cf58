import Synchronization

/// How many connections have been accepted. Any thread.
final class Tally: Sendable {
    private let count = Atomic<Int>(0)

    var accepted: Int { count.load(ordering: .relaxed) }

    func note() {
        count.add(1, ordering: .relaxed)
    }
}
