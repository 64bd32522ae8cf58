internal import NBEngine

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
    /// - Throws: ``ServerError`` of the first shard that cannot listen. The others do not listen there then. After
    ///   ``ServerError/Code/unanswered`` of the first shard of all, for port 0, that shard may listen all the same.
    @discardableResult
    public nonisolated(nonsending) func addListener(
        on endpoint: Endpoint,
        options: [SocketOption]? = nil,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) -> SocketAddress {
        let options = options.map { $0 + [.reusePort(true)] }
        let address: SocketAddress
        do throws(ServerError) {
            address = try await shards[0].addListener(on: endpoint, options: options, within: limit).address
        } catch {
            // The port is not known if it was to be a free one.
            if error.code == .unanswered { try? await shards[0].removeListener(on: endpoint, within: limit) }
            throw error
        }
        let shared = Endpoint(address)
        try await haveAll(from: 1) { shard throws(ServerError) in
            try await shard.addListener(on: shared, options: options, within: limit)
        } undo: { shard throws(ServerError) in
            try await shard.removeListener(on: address, within: limit)
        }
        return address
    }

    /// Removes the listeners on an address from all shards, and returns when the address is free.
    ///
    /// The kernel resets what is queued on a listener that closes. So each shard first serves the clients in its queue, at most as many as
    /// were there when it began, plus two quanta and one. When all have, all close. Connections that were delivered live on.
    ///
    /// - Clients that were queued when a shard began are delivered, and so are those that it accepts until its listener closes.
    /// - Clients that connect after a shard's last accept, before its listener closes, are reset by the kernel. No counter has them. Have a
    ///   load balancer send clients elsewhere first.
    /// - A listener at a limit of ``ServerOptions/admission``, or one that cannot accept for lack of descriptors or memory, is not waited for.
    ///   Connections that wait at the limit are reset and counted in ``ServerCounters/discarded``, and the kernel resets those in the queue.
    /// - A shard whose callback blocks delays the others' closing until it has served its queue, or until `limit` has passed. Its own listener
    ///   serves its queue when the callback returns.
    ///
    /// - Parameters:
    ///   - address: the address.
    ///   - limit: how long to wait for all shards together; `nil` for as long as it takes.
    /// - Throws: ``ServerError`` of the first shard that could not; see ``Server/removeListener(_:within:)``. The other shards are asked all the
    ///   same, and removed listeners are not put back.
    public nonisolated(nonsending) func removeListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        let deadline = limit.map { Instant.now + $0 }
        // A shard that fails here is asked again below, and fails there.
        _ = await removals(of: address, until: deadline) { caller in
            .request { $0.serveQueue(of: .address(address), for: caller) }
        }
        let results = await removals(of: address, until: deadline) { caller in
            .request { $0.removeServedListener(.address(address), for: caller) }
        }
        for (index, result) in results.enumerated() {
            if case .failure(let error) = result { throw error.ofShard(index) }
        }
    }

    /// Puts a message in with every shard, then waits for what each comes to.
    private nonisolated(nonsending) func removals(
        of address: SocketAddress,
        until deadline: Instant?,
        _ message: (Caller<Result<Void, ServerError>>) -> Message
    ) async -> [Result<Void, ServerError>] {
        var calls: [Result<TypedCall<Result<Void, ServerError>>, CallError>] = []
        for shard in shards {
            do throws(CallError) {
                calls.append(.success(try shard.send(message)))
            } catch {
                calls.append(.failure(error))
            }
        }
        var results: [Result<Void, ServerError>] = []
        for (shard, call) in zip(shards, calls) {
            do throws(CallError) {
                let limit = deadline.map { Instant.now.duration(to: $0) }
                results.append(try await shard.answer(of: try call.get(), within: limit))
            } catch {
                let error = ServerError(error, operation: "remove listener", address: address.description)
                results.append(.failure(error))
            }
        }
        return results
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

    /// Has every shard do something, one after the other, or undo it if one cannot. Those before `first` have done it. A shard that has not
    /// answered may do it later, and is asked to undo it then.
    private nonisolated(nonsending) func haveAll(
        from first: Int = 0,
        _ body: (Server<Behavior>) async throws(ServerError) -> Void,
        undo: (Server<Behavior>) async throws(ServerError) -> Void
    ) async throws(ServerError) {
        for index in first..<shards.count {
            do throws(ServerError) {
                try await body(shards[index])
            } catch {
                let end = error.code == .unanswered ? index + 1 : index
                for shard in shards[..<end] { try? await undo(shard) }
                throw error.ofShard(index)
            }
        }
    }
}
