internal import NBServer

/// What a server has counted, and what it has open. It goes from one process to the other as a line.
struct Account: Sendable {
    private(set) var accepted = 0
    private(set) var delivered = 0
    private(set) var discarded = 0
    private(set) var failed = 0
    /// Connections that were reset since a time limit had passed.
    private(set) var expired = 0
    /// Connections that have not ended.
    private(set) var open = 0

    init() {}

    init(_ status: ServerStatus) {
        accepted = Int(status.counters.accepted)
        delivered = Int(status.counters.delivered)
        discarded = Int(status.counters.discarded)
        failed = Int(status.counters.failed)
        expired = Int(status.counters.expired)
        open = Int(status.counters.open)
    }

    init?(words: some Sequence<Substring>) {
        let numbers = words.compactMap { Int($0) }
        guard numbers.count == 6 else { return nil }
        (accepted, delivered, discarded) = (numbers[0], numbers[1], numbers[2])
        (failed, expired, open) = (numbers[3], numbers[4], numbers[5])
    }

    var words: String { "\(accepted) \(delivered) \(discarded) \(failed) \(expired) \(open)" }

    static func + (one: Account, other: Account) -> Account {
        var sum = one
        sum.accepted += other.accepted
        sum.delivered += other.delivered
        sum.discarded += other.discarded
        sum.failed += other.failed
        sum.expired += other.expired
        sum.open += other.open
        return sum
    }
}
