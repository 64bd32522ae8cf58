internal import NBEngine

/// The time of the loop's present turn. It is read when something asks for it first, so that a turn in which nothing has a time limit reads
/// no clock.
///
/// A value of the table of connections, since callbacks ask too; loop's thread only.
struct TurnTime {
    private let clock: () -> Instant
    private var reading: Instant?

    init(_ clock: @escaping () -> Instant) {
        self.clock = clock
    }

    var now: Instant {
        mutating get { reading ?? read() }
    }

    /// Reads the clock again.
    @inline(never)
    @discardableResult
    mutating func read() -> Instant {
        let now = clock()
        reading = now
        return now
    }

    /// The time is read again when something asks for it.
    mutating func forget() { reading = nil }
}
