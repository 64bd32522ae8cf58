internal import NBServer
internal import Synchronization

/// Where a behavior writes down what it counts, and reads what it is to do. Shared by the server's thread and the one
/// that obeys the soak.
final class Board: Sendable {
    /// Whether the behavior closes what it holds when a listener parks.
    let yieldsWhenParked = Atomic<Bool>(false)

    private let counts = Mutex(Counts())

    var present: Counts { counts.withLock { $0 } }

    func update(_ change: (inout Counts) -> Void) {
        counts.withLock { change(&$0) }
    }

    func note(_ counters: ServerCounters) {
        update {
            $0[.delivered] = Int(counters.delivered)
            $0[.discarded] = Int(counters.discarded)
            $0[.shed] = Int(counters.discardedByReason[.descriptors])
            $0[.failed] = Int(counters.failed)
            $0[.expired] = Int(counters.expired)
        }
    }
}
