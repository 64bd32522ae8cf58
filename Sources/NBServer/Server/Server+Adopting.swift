// Connections that come from elsewhere.
extension Server where Behavior: ~Copyable {
    /// Gives the server a connection that another server, or other code, has accepted. Any thread. Never waits.
    ///
    /// ``NonBlockingServer/newConnection(_:in:)`` receives the connection as if the server had accepted it. ``ServerCounters/adopted``
    /// counts it. A worker that is given the connection gets its unread bytes first. The server's ``SocketOption`` values are not set on
    /// it.
    ///
    /// - Throws: ``CastError/stopped(_:)`` if the server has stopped, or ``CastError/connectionTaken``. The connection stays the caller's
    ///   then. A full mailbox does not refuse it.
    public func adopt(_ connection: DetachedConnection) throws(CastError) {
        try adopt(connection, assign: nil)
    }

    /// Gives the server a connection and a worker for it; see ``adopt(_:)``. The behavior is not asked.
    ///
    /// - Parameters:
    ///   - connection: the connection.
    ///   - worker: the connection's worker from now on.
    ///   - options: the connection's options; `nil` for those of the worker's type. An option that is out of its range ends the connection;
    ///     see ``ServerContext/assign(_:to:options:)``.
    /// - Throws: ``CastError``, like ``adopt(_:)``. The connection stays the caller's then, and the worker is dropped.
    public func adopt<Worker: ConnectionWorker & ~Copyable>(
        _ connection: DetachedConnection,
        for worker: consuming sending Worker,
        options: WorkerOptions? = nil
    ) throws(CastError) {
        let parcel = WorkerParcel(worker)
        try adopt(connection) { parcel.give($0, in: $1, options: options) }
    }

    private func adopt(
        _ connection: DetachedConnection,
        assign: (@Sendable (consuming Connection, borrowing ServerContext) -> Void)?
    ) throws(CastError) {
        guard !connection.wasTaken else { throw .connectionTaken }
        // Taken there, since a message that is dropped with its server leaves the connection to the caller.
        try mailbox.put(.request { $0.state.pointee.adopt(connection, assign) })
    }
}

extension ServerContext {
    /// Gives the server a connection that another server, or other code, has accepted. It is delivered after the present callback; see
    /// ``Server/adopt(_:)``.
    ///
    /// - Throws: ``CastError/connectionTaken``.
    public func adopt(_ connection: DetachedConnection) throws(CastError) {
        guard state.pointee.adopt(connection, nil) else { throw .connectionTaken }
    }

    /// Gives the server a connection and a worker for it. The worker gets the connection after the present callback; see
    /// ``Server/adopt(_:for:options:)``.
    ///
    /// - Throws: ``CastError/connectionTaken``. The worker is dropped then.
    public func adopt<Worker: ConnectionWorker & ~Copyable>(
        _ connection: DetachedConnection,
        for worker: consuming Worker,
        options: WorkerOptions? = nil
    ) throws(CastError) {
        let parcel = WorkerParcel(worker)
        let isTaken = state.pointee.adopt(connection) { parcel.give($0, in: $1, options: options) }
        guard isTaken else { throw .connectionTaken }
    }
}
