internal import NBLibc

/// What all shards of a group take of this process's limits before any client has come. A value.
///
/// Looked at before the first shard is made: a group that cannot be whole is not begun.
struct GroupBudget {
    let shards: Int
    let listeners: Int
    let options: ServerOptions

    /// Of a shard, besides its listeners: the engine, what wakes it, and the reserve or an alarm.
    private static let descriptorsOfAShard = 3
    /// The standard streams.
    private static let otherDescriptors = 3

    /// With one connection for each shard.
    var descriptors: Int { shards * (listeners + Self.descriptorsOfAShard + 1) + Self.otherDescriptors }

    /// What the kernel locks for the rings, `io_uring_setup(2)`, in whole pages: 64 bytes for each place of the submission queue, and
    /// its index, the completion queue and the heads of both. 24 KiB a ring with default options, as measured on Linux 6.18.
    var lockedBytes: Int {
        let depth = options.engine.submissionDepth
        let areas = [depth * 64, depth * 4 + options.quantum * 16 + 512]
        let page = 4096
        return shards * areas.reduce(0) { $0 + ($1 + page - 1) / page * page }
    }

    /// Refuses a group that does not fit.
    func expectToFit(_ limits: Limits = .ofThisProcess) throws(ServerError) {
        if let limit = limits.descriptors, limit < UInt64(descriptors) {
            throw refusal(
                "\(shards) shards with \(listeners) listeners each take \(descriptors) descriptors before the first client, and the "
                    + "limit is \(limit): raise it (ulimit -n, LimitNOFILE=), or ask for fewer shards"
            )
        }
        if options.engine.choice != .epoll, let limit = limits.lockedMemory, limit < UInt64(lockedBytes) {
            throw refusal(
                "\(shards) rings lock \(UInt64(lockedBytes).asByteCount), and the limit is \(limit.asByteCount): raise it (ulimit -l, "
                    + "LimitMEMLOCK=), or ask for fewer shards, or for the epoll engine"
            )
        }
    }

    private func refusal(_ cure: String) -> ServerError {
        ServerError(.outOfResources, operation: "make \(shards) shards", cure: cure)
    }

    /// The limits of this process; `nil` where there is none.
    struct Limits {
        var descriptors: UInt64?
        var lockedMemory: UInt64?
    }
}

extension GroupBudget.Limits {
    /// Looks. A process that may lock as much as it likes has no limit, `capabilities(7)`.
    static var ofThisProcess: Self {
        let capabilities = Capabilities(status: .read("/proc/self/status"), userMap: .read("/proc/self/uid_map"))
        let mayLock = (try? capabilities.includes(Capabilities.lockingMemory)) ?? false
        return Self(
            descriptors: SystemFacts.limit { getrlimit(descriptorLimit, &$0) }?.soft,
            lockedMemory: mayLock ? nil : SystemFacts.limit { getrlimit(lockedMemoryLimit, &$0) }?.soft
        )
    }
}
