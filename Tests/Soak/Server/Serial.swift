internal import Synchronization

/// The number of a connection, which no other of this process has.
enum Serial {
    private static let last = Atomic<Int>(0)

    static func next() -> Int {
        last.add(1, ordering: .relaxed).newValue
    }
}
