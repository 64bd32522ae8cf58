// Listeners that come, rest and go while the group runs. All shards do it, or none. Any task.
extension ServerGroup where Behavior: ~Copyable {
    /// Makes every shard listen on another address, or none; see ``Server/addListener(on:options:within:)``.
    ///
    /// - Parameters:
    ///   - endpoint: the address. Port 0 gets a free port, the same for all shards.
    ///   - options: the options of the listen sockets, to which ``SocketOption/reusePort(_:)`` is added; `nil` for
    ///     ``ServerOptions/socketOptions``.
    ///   - limit: how long to wait for each shard.
    /// - Returns: the address that the kernel bound.
    /// - Throws: ``ServerError`` of the first shard that cannot listen. The others do not listen there then.
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

    /// Removes the listeners on an address from all shards, and returns when the address is free; see ``Server/removeListener(_:within:)``.
    /// Clients in the accept queues are reset.
    ///
    /// - Throws: ``ServerError`` of the first shard that could not. The other shards are asked all the same, and removed listeners are not
    ///   put back.
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

    /// Removes the listeners on an address written as text. Port 0 names no listener.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(on:within:)-(SocketAddress,_)``, or with ``ServerError/Code/invalidAddress``.
    public nonisolated(nonsending) func removeListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await removeListener(on: try endpoint.resolved(), within: limit)
    }

    /// Pauses the listeners on an address on all shards, or on none; see ``Server/pauseListener(_:within:)``.
    ///
    /// - Throws: ``ServerError`` of the first shard that cannot. The others accept again then.
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

    /// Pauses the listeners on an address written as text. Port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` of the first shard that cannot, or with ``ServerError/Code/invalidAddress``.
    public nonisolated(nonsending) func pauseListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await pauseListener(on: try endpoint.resolved(), within: limit)
    }

    /// Resumes the listeners on an address on all shards, or on none; see ``Server/resumeListener(_:within:)``.
    ///
    /// - Throws: ``ServerError`` of the first shard that cannot. The others are paused again then.
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

    /// Resumes the listeners on an address written as text. Port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` of the first shard that cannot, or with ``ServerError/Code/invalidAddress``.
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
