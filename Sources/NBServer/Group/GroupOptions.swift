/// How many servers a group has, where they run, and how each of them runs.
public struct GroupOptions: Sendable {
    /// How many shards, from 1 to 1,024. `nil` means one for each processor of this process: those that its affinity allows,
    /// `sched_getaffinity(2)`, and no more than the quota of its control group pays for, `cgroups(7)`.
    public var shards: Int?
    /// Whether each shard's thread stays on one processor. Several shards share a processor only if there are more shards than processors.
    /// Off by default: the kernel moves a thread away from a processor that is busy with something else, and a pinned thread has to wait.
    /// `sched_setaffinity(2)`.
    public var isPinned: Bool
    /// How each shard runs. Limits are each shard's own, except those of ``ServerOptions/admission``.
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
