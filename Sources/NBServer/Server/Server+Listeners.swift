// Listeners that come, rest and go while the server runs, at the wish of others than its behavior. Any task.
extension Server where Behavior: ~Copyable {
    /// Listens on another address; see ``ServerContext/addListener(on:options:)``.
    ///
    /// - Parameters:
    ///   - endpoint: the address. Port 0 gets a free port each time.
    ///   - options: the options of the listen socket; `nil` for ``ServerOptions/socketOptions``.
    ///   - limit: how long to wait for the server.
    /// - Returns: the listener's status, with its ID and the address that the kernel bound.
    /// - Throws: ``ServerError`` of the server, ``ServerError/Code/stopped``, or ``ServerError/Code/unanswered``. After the last one, the
    ///   server may listen all the same.
    @discardableResult
    public nonisolated(nonsending) func addListener(
        on endpoint: Endpoint,
        options: [SocketOption]? = nil,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) -> ListenerStatus {
        try await request("listen", endpoint.description, within: limit) { context throws(ServerError) in
            try context.addListener(on: endpoint, options: options)
        }
    }

    /// Listens on another address without waiting for the loop, also before the server runs.
    ///
    /// - Parameters:
    ///   - bound: where; clients that have connected wait until the loop gets to it, in the order of what it is asked.
    ///   - onListening: called on the server's thread before the first connection, with the listener's place, which another one may have
    ///     later; not called if the server ends before.
    /// - Throws: ``ServerError`` with ``ServerError/Code/stopped``, or ``ServerError/Code/alreadyListening``, which the kernel allows with
    ///   ``SocketOption/reusePort(_:)``.
    package func addListener(
        on bound: BoundListener,
        onListening: @escaping @Sendable (_ place: Int) -> Void
    ) throws(ServerError) {
        // Until the loop says where it listens.
        let isNew = control.addresses.withLock { addresses in
            guard !addresses.contains(bound.address) else { return false }
            addresses.append(bound.address)
            return true
        }
        guard isNew else { throw .alreadyListening(bound.address) }
        do throws(CastError) {
            try mailbox.put(.request { context in context.add(bound).map(onListening) })
        } catch {
            control.addresses.withLock { $0.removeAll { $0 == bound.address } }
            let (address, cure) = (bound.address.description, "\(error)")
            throw ServerError(.stopped, operation: "listen", address: address, cure: cure)
        }
    }

    /// Binds an address for ``addListener(on:onListening:)``. Blocks for up to half a second an address that is in use, but never the
    /// server's own thread.
    ///
    /// - Throws: ``ServerError`` as ``ServerContext/addListener(on:options:)`` does.
    package func bind(_ endpoint: Endpoint, options: [SocketOption]) throws(ServerError) -> BoundListener {
        for option in options { try option.expectValid() }
        let wanted = try endpoint.resolved()
        if addresses.contains(wanted) { throw .alreadyListening(wanted) }
        let socket =
            mailbox.ledger.isOnLoopThread
            ? try ListenSocket(wanted, options: options) : try ListenSocket(endpoint, options: options)
        return BoundListener(socket: socket, options: options)
    }

    /// Removes a listener, and returns when its address is free; see ``ServerContext/removeListener(_:)``.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``, ``ServerError/Code/invalidAddress``, ``ServerError/Code/stopped``,
    ///   or ``ServerError/Code/unanswered``. After the last one, the listener may be removed all the same.
    public nonisolated(nonsending) func removeListener(
        _ id: ListenerID,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await removeListener(.id(id), within: limit)
    }

    /// Removes the listener on an address written as text, and returns when the address is free; see ``removeListener(_:within:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func removeListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await removeListener(.endpoint(endpoint), within: limit)
    }

    /// Removes the listener on an address, and returns when the address is free; see ``removeListener(_:within:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func removeListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await removeListener(.address(address), within: limit)
    }

    /// Pauses a listener; see ``ServerContext/pauseListener(_:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func pauseListener(
        _ id: ListenerID,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await pauseListener(.id(id), within: limit)
    }

    /// Pauses the listener on an address written as text; see ``ServerContext/pauseListener(_:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func pauseListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await pauseListener(.endpoint(endpoint), within: limit)
    }

    /// Pauses the listener on an address; see ``ServerContext/pauseListener(_:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func pauseListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await pauseListener(.address(address), within: limit)
    }

    /// Resumes a paused listener; see ``ServerContext/resumeListener(_:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func resumeListener(
        _ id: ListenerID,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await resumeListener(.id(id), within: limit)
    }

    /// Resumes the listener on an address written as text; see ``ServerContext/resumeListener(_:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func resumeListener(
        on endpoint: Endpoint,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await resumeListener(.endpoint(endpoint), within: limit)
    }

    /// Resumes the listener on an address; see ``ServerContext/resumeListener(_:)``.
    ///
    /// - Throws: ``ServerError``, like ``removeListener(_:within:)``.
    public nonisolated(nonsending) func resumeListener(
        on address: SocketAddress,
        within limit: Duration? = .seconds(5)
    ) async throws(ServerError) {
        try await resumeListener(.address(address), within: limit)
    }

    private nonisolated(nonsending) func removeListener(
        _ name: ListenerName,
        within limit: Duration?
    ) async throws(ServerError) {
        let result: Result<Void, ServerError>
        do throws(CallError) {
            result = try await ask(within: limit) { caller in .request { $0.removeListener(name, for: caller) } }
        } catch {
            throw ServerError(error, operation: "remove listener", address: name.description)
        }
        try result.get()
    }

    private nonisolated(nonsending) func pauseListener(
        _ name: ListenerName,
        within limit: Duration?
    ) async throws(ServerError) {
        try await request("pause listener", name.description, within: limit) { context throws(ServerError) in
            try context.pauseListener(name)
        }
    }

    private nonisolated(nonsending) func resumeListener(
        _ name: ListenerName,
        within limit: Duration?
    ) async throws(ServerError) {
        try await request("resume listener", name.description, within: limit) { context throws(ServerError) in
            try context.resumeListener(name)
        }
    }

    private nonisolated(nonsending) func request<Value: Sendable>(
        _ operation: String,
        _ address: String,
        within limit: Duration?,
        _ body: @escaping @Sendable (borrowing ServerContext) throws(ServerError) -> Value
    ) async throws(ServerError) -> Value {
        let result: Result<Value, ServerError>
        do throws(CallError) {
            result = try await request(within: limit) { context in
                do throws(ServerError) {
                    return .success(try body(context))
                } catch {
                    return .failure(error)
                }
            }
        } catch {
            throw ServerError(error, operation: operation, address: address)
        }
        return try result.get()
    }
}
