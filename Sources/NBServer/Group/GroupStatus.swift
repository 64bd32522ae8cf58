/// The status of a group. Each shard answers when it comes to the question, so the moments differ a little.
public struct GroupStatus: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The status of each shard, in the order of ``Shard/index``.
    public let shards: [ServerStatus]

    /// A status with these values.
    public init(shards: [ServerStatus]) {
        self.shards = shards
    }

    /// The sum of the shards' counters.
    public var counters: ServerCounters { shards.reduce(into: ServerCounters()) { $0.add($1.counters) } }

    /// The status for a log, one line for each shard.
    public var description: String {
        shards.enumerated().map { "shard \($0.offset): \($0.element)" }.joined(separator: "\n")
    }
}
