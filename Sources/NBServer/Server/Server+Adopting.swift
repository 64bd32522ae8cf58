// Connections that come from elsewhere.
extension Server where Behavior: ~Copyable {
    /// Takes a connection that another server, or other code, has accepted. Any thread.
    ///
    /// The connection is delivered to ``NonBlockingServer/newConnection(_:in:)`` as if it had been accepted here, and counts as
    /// ``ServerCounters/adopted``. A worker that is given it gets the unread bytes first. ``SocketOption`` values of this server are not set on
    /// it.
    ///
    /// - Throws: ``CastError/stopped(_:)`` if the server has stopped, or ``CastError/connectionTaken``. The connection stays the caller's then.
    ///   A full mailbox takes it.
    public func adopt(_ connection: DetachedConnection) throws(CastError) {
        try adopt(connection, assign: nil)
    }

    /// Takes a connection that another server, or other code, has accepted, and gives it to this worker; see ``adopt(_:)``. The behavior is
    /// not asked.
    ///
    /// - Parameters:
    ///   - connection: the connection.
    ///   - worker: its worker from now on.
    ///   - options: the connection's; `nil` for what the worker's type says. One that is out of its range ends the connection; see
    ///     ``ServerContext/assign(_:to:options:)``.
    /// - Throws: ``CastError`` as ``adopt(_:)`` does. The connection stays the caller's then, and the worker ends.
    public func adopt<Worker: ConnectionWorker & ~Copyable>(
        _ connection: DetachedConnection,
        for worker: consuming sending Worker,
        options: WorkerOptions? = nil
    ) throws(CastError) {
        let parcel = WorkerParcel(worker)
        try adopt(connection) { connection, context in
            guard let worker = parcel.take() else { return }
            _ = context.give(connection, to: worker, options: options)
        }
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
    /// Takes a connection that another server, or other code, has accepted, to be delivered when the present callback has returned; see
    /// ``Server/adopt(_:)``.
    ///
    /// - Throws: ``CastError/connectionTaken``.
    public func adopt(_ connection: DetachedConnection) throws(CastError) {
        guard state.pointee.adopt(connection, nil) else { throw .connectionTaken }
    }

    /// Takes a connection that another server, or other code, has accepted, and gives it to this worker when the present callback has
    /// returned; see ``Server/adopt(_:for:options:)``.
    ///
    /// - Throws: ``CastError/connectionTaken``; the worker ends then.
    public func adopt<Worker: ConnectionWorker & ~Copyable>(
        _ connection: DetachedConnection,
        for worker: consuming Worker,
        options: WorkerOptions? = nil
    ) throws(CastError) {
        let parcel = WorkerParcel(worker)
        let isTaken = state.pointee.adopt(connection) { connection, context in
            guard let worker = parcel.take() else { return }
            _ = context.give(connection, to: worker, options: options)
        }
        guard isTaken else { throw .connectionTaken }
    }
}
