import Synchronization

/// A number that another thread may set.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }

    func set(_ value: Int) {
        number.store(value, ordering: .relaxed)
    }
}
