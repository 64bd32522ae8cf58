// Connections that the server keeps for its behavior.
extension ServerContext {
    /// Lets the server own a connection across callbacks.
    ///
    /// A kept connection stays open until it is taken out, sending on it fails, or the server stops. A connection that is kept again has
    /// the same ID.
    ///
    /// - Parameters:
    ///   - connection: the connection.
    ///   - watchingPeer: whether the server watches the peer. If the peer of a watched connection ends its side or resets, the connection
    ///     ends and the behavior hears ``ServerInfo/connectionLost(_:)``. Without it, the server notices that the peer has left only when
    ///     it sends. Input of a watched peer is stored, up to one receive buffer, for a worker that is given the connection later, or for
    ///     ``Connection/detach(to:)``; once input is stored, the peer is no longer watched. A connection that was watched once is watched
    ///     whenever it is kept. Needs an engine that receives (``EngineReport/receives``).
    /// - Precondition: the connection is this server's. Another server's connection ends the process, in every build; use
    ///   ``Connection/handOff(to:)`` for that.
    /// - Returns: the connection's ID.
    public func keep(_ connection: consuming Connection, watchingPeer: Bool = false) -> ConnectionID {
        connection.expect(in: state.pointee.connections)
        let slot = connection.intoSlot()
        slot.pointee.isKept = true
        state.pointee.connections.pointee.giveName(slot)
        if watchingPeer { slot.pointee.isWatched = true }
        if slot.pointee.isWatched { state.pointee.connections.pointee.markDue(slot) }
        // It may have broken while it was the behavior's; then it ends here as every kept connection does.
        if slot.pointee.state.isBroken { state.pointee.connections.pointee.lose(slot) }
        return slot.id
    }

    /// Takes a kept connection out, to own it again.
    ///
    /// - Throws: ``UnknownConnection`` if the connection has ended, was taken out already, or is another server's.
    public func take(_ id: ConnectionID) throws(UnknownConnection) -> Connection {
        let slot = try slot(id)
        slot.pointee.isKept = false
        return Connection(state.pointee.connections, slot)
    }

    /// Uses a kept connection. While `body` runs, the ID is unknown to the server.
    ///
    /// - Throws: ``UnknownConnection`` if the connection has ended, was taken out or is another server's; and any error that `body` throws.
    public func withConnection<Result>(
        _ id: ConnectionID,
        _ body: (borrowing Connection) throws -> Result
    ) throws -> Result {
        let connection = try take(id)
        do {
            let result = try body(connection)
            _ = keep(connection)
            return result
        } catch {
            _ = keep(connection)
            throw error
        }
    }

    /// The address of the listener that accepted a connection; `nil` if the listener has been removed since.
    ///
    /// - Precondition: the connection is this server's. Another server's connection ends the process, in every build.
    public func listenerAddress(of connection: borrowing Connection) -> SocketAddress? {
        connection.expect(in: state.pointee.connections)
        return state.pointee.listenerAddress(of: connection.slot)
    }

    private func slot(_ id: ConnectionID) throws(UnknownConnection) -> ConnectionTable.Slot {
        guard let slot = state.pointee.connections.pointee.slot(id.slot),
            slot.pointee.isKept, !slot.pointee.hasWorker, slot.pointee.number == id.number
        else { throw UnknownConnection(id, askedOf: state.pointee.control) }
        return slot
    }
}
