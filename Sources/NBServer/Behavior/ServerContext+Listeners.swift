// Listeners that come, rest and go while the server runs. None of it waits.
extension ServerContext {
    /// Listens on another address. Clients can connect from now on; they are delivered after the present callback.
    ///
    /// - Parameters:
    ///   - endpoint: where to listen; port 0 is a new port each time.
    ///   - options: the options of its socket; `nil` for ``ServerOptions/socketOptions``.
    /// - Returns: the address the kernel bound it to, by which it is named from now on.
    /// - Throws: ``ServerError`` with ``ServerError/Code/alreadyListening``, ``ServerError/Code/tooManyListeners``,
    ///   ``ServerError/Code/stopped`` if the server is about to stop, or the system's error. `socket(2)`, `setsockopt(2)`,
    ///   `bind(2)`, `listen(2)`.
    @discardableResult
    public func addListener(on endpoint: Endpoint, options: [SocketOption]? = nil) throws(ServerError) -> SocketAddress
    {
        let wanted = try endpoint.resolved()
        try expectRoomForListener(wanted)
        let options = options ?? state.pointee.options.socketOptions
        let socket = try state.pointee.listen(wanted, options)
        add(socket, options)
        return socket.address
    }

    /// Accepts on a socket from now on.
    private func add(_ socket: ListenSocket, _ options: [SocketOption]) {
        if options.contains(where: \.makesCloseWait) { state.pointee.connections.pointee.closesWait = true }
        state.pointee.listeners.pointee.add(socket)
        state.pointee.publishAddresses()
        state.pointee.note(.listenerAdded(socket.address))
    }

    /// Accepts on what another thread has bound; if there is no room for it any more, it is closed, and that is told.
    ///
    /// - Returns: its place among the server's listeners; `nil` if it was closed.
    func add(_ bound: BoundListener) -> Int? {
        do throws(ServerError) {
            try expectRoomForListener(bound.address)
        } catch {
            state.pointee.tellLater(.listenerDown(bound.address, cause: error))
            return nil
        }
        add(bound.socket, bound.options)
        return state.pointee.listeners.pointee.index(of: bound.address)
    }

    private func expectRoomForListener(_ wanted: SocketAddress) throws(ServerError) {
        let address = wanted.description
        guard state.pointee.acceptsListeners else {
            throw ServerError(.stopped, operation: "listen", address: address, cure: "the server is about to stop")
        }
        guard state.pointee.listeners.pointee.index(of: wanted) == nil else { throw .alreadyListening(wanted) }
        let limit = state.pointee.options.listenerLimit
        guard state.pointee.listeners.pointee.openCount < limit else {
            let cure = "there are as many listeners as ServerOptions.listenerLimit allows, \(limit)"
            throw ServerError(.tooManyListeners, operation: "listen", address: address, cure: cure)
        }
    }

    /// Stops listening on an address. Connections that were delivered live on; clients that wait are reset.
    ///
    /// When the address is free the behavior hears ``ServerInfo/listenerRemoved(_:)``.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func removeListener(on address: SocketAddress) throws(ServerError) {
        removeListener(try listener(on: address, "remove listener"))
    }

    /// The same for somebody who waits until the address is free.
    func removeListener(on address: SocketAddress, for remover: Caller<Result<Void, ServerError>>) {
        do throws(ServerError) {
            let index = try listener(on: address, "remove listener")
            state.pointee.listeners.pointee[index].removers.append(remover)
            removeListener(index)
        } catch {
            remover.reply(.failure(error))
        }
    }

    private func removeListener(_ index: Int) {
        let listeners = state.pointee.listeners
        let address = listeners.pointee[index].socket.address
        listeners.pointee[index].isRemoved = true
        let reaction = listeners.pointee[index].state.close()
        listeners.pointee.apply(reaction, index)
        if reaction == .close { state.pointee.tellLater(.listenerRemoved(address)) }
        state.pointee.publishAddresses()
    }

    /// Lets a listener rest: clients connect and wait in its accept queue, and none is lost. Connections that were accepted
    /// just before may still be delivered.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func pauseListener(on address: SocketAddress) throws(ServerError) {
        let index = try listener(on: address, "pause listener")
        state.pointee.listeners.pointee.apply(state.pointee.listeners.pointee[index].state.pause(), index)
        state.pointee.note(.listenerPaused(address))
    }

    /// Lets a listener that rests accept again.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func resumeListener(on address: SocketAddress) throws(ServerError) {
        let index = try listener(on: address, "resume listener")
        state.pointee.listeners.pointee.apply(state.pointee.listeners.pointee[index].state.resume(), index)
        state.pointee.note(.listenerResumed(address))
    }

    private func listener(on address: SocketAddress, _ operation: String) throws(ServerError) -> Int {
        if let index = state.pointee.listeners.pointee.index(of: address) { return index }
        let cure = "this server does not listen there; see its addresses for where it does"
        throw ServerError(.notListening, operation: operation, address: address.description, cure: cure)
    }
}
