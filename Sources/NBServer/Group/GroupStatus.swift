/// What can be said of a group at one moment, or nearly: each shard is asked, and answers when it comes to it. A value.
public struct GroupStatus: Hashable, Sendable {
    /// Of each shard, in the order of ``Shard/index``.
    public let shards: [ServerStatus]

    /// Connections that have not ended, of all shards.
    public var connections: Int { shards.reduce(0) { $0 + $1.connections } }

    /// What all shards have counted.
    public var counters: ServerCounters { shards.reduce(into: ServerCounters()) { $0.add($1.counters) } }
}

extension ServerCounters {
    /// Adds what another server has counted.
    mutating func add(_ other: ServerCounters) {
        delivered += other.delivered
        adopted += other.adopted
        discarded += other.discarded
        shed += other.shed
        overLimit += other.overLimit
        overSourceLimit += other.overSourceLimit
        denied += other.denied
        gone += other.gone
        waiting += other.waiting
        failed += other.failed
        expired += other.expired
        armed += other.armed
        messages += other.messages
        acceptFailures += other.acceptFailures
    }
}
