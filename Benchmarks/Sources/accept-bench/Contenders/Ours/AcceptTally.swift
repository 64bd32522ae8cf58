import Synchronization

/// How many connections a server, or its shards together, have accepted: noted by each thread at its end, read afterwards.
final class AcceptTally: Sendable {
    private let count = Atomic<UInt64>(0)

    var accepted: UInt64 { count.load(ordering: .acquiring) }

    func note(_ accepted: UInt64) {
        count.add(accepted, ordering: .releasing)
    }
}
