/// How many servers a group has, where they run, and how each of them is to run. A value.
public struct GroupOptions: Sendable {
    /// How many shards, from 1 to 1,024. `nil` is as many as there are processors for this process: those that its affinity allows,
    /// `sched_getaffinity(2)`, and no more than the quota of its control group pays for, `cgroups(7)`.
    public var shards: Int?
    /// Whether each shard's thread keeps to one processor, and several shards of one only if there are more shards than processors. Off
    /// by default: the kernel moves a thread away from a processor that is busy with something else, and a thread that is pinned has to
    /// wait. `sched_setaffinity(2)`.
    public var isPinned: Bool
    /// How each shard is to run. Limits are each shard's own, and not the group's, but for those of ``ServerOptions/admission``.
    public var server: ServerOptions

    /// Options with these values; see the properties.
    public init(shards: Int? = nil, isPinned: Bool = false, server: ServerOptions = ServerOptions()) {
        self.shards = shards
        self.isPinned = isPinned
        self.server = server
    }

    /// Refuses what is out of its range.
    func expectValid() throws(ServerError) {
        if let shards { try OptionRange.expect("GroupOptions.shards", shards, in: 1...1024) }
        try server.expectValid()
    }
}
