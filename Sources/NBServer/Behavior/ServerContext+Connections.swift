// Connections that the server keeps for its behavior.
extension ServerContext {
    /// Lets the server own a connection across callbacks.
    ///
    /// It stays open until it is taken out again, sending on it fails, or the server stops. Kept again, a connection has the same ID.
    ///
    /// - Parameters:
    ///   - connection: the connection.
    ///   - watchingPeer: whether the connection is lost as well, ``ServerInfo/connectionLost(_:)``, when its peer ends its side or resets it.
    ///     Otherwise a peer that leaves is noticed only by sending. What a watched peer says is kept, up to one receive buffer, for a worker that
    ///     is given the connection later, or for ``Connection/detach(to:)``; then that peer is watched no more. A connection that was watched once
    ///     is watched whenever it is kept. Needs an engine that receives (``EngineReport/receives``).
    /// - Precondition: it is this server's connection. Another server's ends the process, in every build: see
    ///   ``Connection/handOff(to:)``.
    /// - Returns: its name.
    public func keep(_ connection: consuming Connection, watchingPeer: Bool = false) -> ConnectionID {
        connection.expect(in: state.pointee.connections)
        let slot = connection.intoSlot()
        slot.pointee.isKept = true
        slot.giveName()
        if watchingPeer { slot.pointee.isWatched = true }
        if slot.pointee.isWatched { state.pointee.connections.pointee.markDue(slot) }
        // It may have broken while it was the behavior's; then it ends here as every kept connection does.
        if slot.pointee.state.isBroken { state.pointee.connections.pointee.lose(slot) }
        return slot.id
    }

    /// Takes a kept connection out, to own it again: to close, reset or detach it.
    ///
    /// - Throws: ``UnknownConnection`` if it has ended, was taken out already, or is another server's.
    public func take(_ id: ConnectionID) throws(UnknownConnection) -> Connection {
        let slot = try slot(id)
        slot.pointee.isKept = false
        return Connection(state.pointee.connections, slot)
    }

    /// Uses a kept connection. For the length of `body` its ID means nothing.
    ///
    /// - Throws: ``UnknownConnection`` if it has ended, was taken out or is another server's, and whatever `body` throws.
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

    /// The address of the listener a connection came by; `nil` if that has been removed since.
    ///
    /// - Precondition: it is this server's connection. Another server's ends the process, in every build.
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
