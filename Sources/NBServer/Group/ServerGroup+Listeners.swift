// Listeners that come, rest and go while the group runs. All shards do it, or none. Any task.
extension ServerGroup where Behavior: ~Copyable {
    /// Has every shard listen on another address; see ``Server/addListener(on:options:within:)``.
    ///
    /// - Parameters:
    ///   - endpoint: where to listen; port 0 is a new port, the same for all shards.
    ///   - options: the options of the sockets, to which ``SocketOption/reusePort(_:)`` is added; `nil` for
    ///     ``ServerOptions/socketOptions``.
    ///   - limit: how long to wait for each shard.
    /// - Returns: the address the kernel bound it to, by which it is named from now on.
    /// - Throws: ``ServerError`` of the first shard that cannot; the others do not listen there then.
    @discardableResult
    public nonisolated(nonsending) func addListener(
        on endpoint: Endpoint,
        options: [SocketOption]? = nil,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) -> SocketAddress {
        let options = options.map { $0 + [.reusePort(true)] }
        let address = try await shards[0].addListener(on: endpoint, options: options, within: limit).address
        let shared = Endpoint(address)
        try await haveAll(from: 1) { shard throws(ServerError) in
            try await shard.addListener(on: shared, options: options, within: limit)
        } undo: { shard throws(ServerError) in
            try await shard.removeListener(on: address, within: limit)
        }
        return address
    }

    /// Has every shard stop listening on an address, and returns when it is free; see ``Server/removeListener(_:within:)``. Clients that
    /// wait in the shards' queues are reset.
    ///
    /// - Throws: ``ServerError`` of the first shard that could not; what has gone is not put back, and the others are asked all the same.
    public nonisolated(nonsending) func removeListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        var failure: ServerError?
        for (index, shard) in shards.enumerated() {
            do throws(ServerError) {
                try await shard.removeListener(on: address, within: limit)
            } catch {
                failure = failure ?? error.ofShard(index)
            }
        }
        if let failure { throw failure }
    }

    /// The same of an address as a person writes it; port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` as the other does, or with ``ServerError/Code/invalidAddress``.
    public nonisolated(nonsending) func removeListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await removeListener(on: try endpoint.resolved(), within: limit)
    }

    /// Lets a listener of every shard rest; see ``Server/pauseListener(_:within:)``.
    ///
    /// - Throws: ``ServerError`` of the first shard that cannot; the others accept again then.
    public nonisolated(nonsending) func pauseListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await haveAll { shard throws(ServerError) in
            try await shard.pauseListener(on: address, within: limit)
        } undo: { shard throws(ServerError) in
            try await shard.resumeListener(on: address, within: limit)
        }
    }

    /// The same of an address as a person writes it; port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` as the other does, or with ``ServerError/Code/invalidAddress``.
    public nonisolated(nonsending) func pauseListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await pauseListener(on: try endpoint.resolved(), within: limit)
    }

    /// Lets a listener of every shard accept again; see ``Server/resumeListener(_:within:)``.
    ///
    /// - Throws: ``ServerError`` of the first shard that cannot; the others rest again then.
    public nonisolated(nonsending) func resumeListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await haveAll { shard throws(ServerError) in
            try await shard.resumeListener(on: address, within: limit)
        } undo: { shard throws(ServerError) in
            try await shard.pauseListener(on: address, within: limit)
        }
    }

    /// The same of an address as a person writes it; port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` as the other does, or with ``ServerError/Code/invalidAddress``.
    public nonisolated(nonsending) func resumeListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await resumeListener(on: try endpoint.resolved(), within: limit)
    }

    /// Has every shard do something, one after the other, or undo it if one cannot. Those before `first` have done it.
    private nonisolated(nonsending) func haveAll(
        from first: Int = 0,
        _ body: (Server<Behavior>) async throws(ServerError) -> Void,
        undo: (Server<Behavior>) async throws(ServerError) -> Void
    ) async throws(ServerError) {
        for index in first..<shards.count {
            do throws(ServerError) {
                try await body(shards[index])
            } catch {
                for shard in shards[..<index] { try? await undo(shard) }
                throw error.ofShard(index)
            }
        }
    }
}
