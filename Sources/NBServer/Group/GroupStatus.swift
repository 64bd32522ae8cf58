/// What can be said of a group at one moment, or nearly: each shard is asked, and answers when it comes to it. A value.
public struct GroupStatus: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Of each shard, in the order of ``Shard/index``.
    public let shards: [ServerStatus]

    /// What is said of a group's shards.
    public init(shards: [ServerStatus]) {
        self.shards = shards
    }

    /// What all shards have counted.
    public var counters: ServerCounters { shards.reduce(into: ServerCounters()) { $0.add($1.counters) } }

    /// The status for a log, a line for each shard.
    public var description: String {
        shards.enumerated().map { "shard \($0.offset): \($0.element)" }.joined(separator: "\n")
    }
}
