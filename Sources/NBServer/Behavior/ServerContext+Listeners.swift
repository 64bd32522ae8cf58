// Listeners that come, rest and go while the server runs. None of it waits.
extension ServerContext {
    /// Listens on another address. Clients can connect from now on. They are delivered after the present callback.
    ///
    /// - Parameters:
    ///   - endpoint: the address. Port 0 gets a free port each time.
    ///   - options: the options of the listen socket; `nil` for ``ServerOptions/socketOptions``.
    /// - Returns: the listener's status, with its ID and the address that the kernel bound.
    /// - Throws: ``ServerError`` with ``ServerError/Code/alreadyListening``, ``ServerError/Code/tooManyListeners``,
    ///   ``ServerError/Code/stopped`` if the server is about to stop, or the system's error. `socket(2)`, `setsockopt(2)`, `bind(2)`,
    ///   `listen(2)`.
    @discardableResult
    public func addListener(
        on endpoint: Endpoint,
        options: [SocketOption]? = nil
    ) throws(ServerError) -> ListenerStatus {
        let wanted = try endpoint.resolved()
        try expectRoomForListener(wanted)
        let options = options ?? state.pointee.options.socketOptions
        let socket = try state.pointee.listen(wanted, options)
        return listener(at: add(socket, options))
    }

    /// Accepts on a socket from now on; returns the listener's index.
    private func add(_ socket: ListenSocket, _ options: [SocketOption]) -> Int {
        state.pointee.connections.pointee.note(options)
        let index = state.pointee.listeners.pointee.add(socket)
        state.pointee.publishAddresses()
        state.pointee.note(.listenerAdded(socket.address))
        return index
    }

    private func listener(at index: Int) -> ListenerStatus {
        ListenerStatus(state.pointee.listeners.pointee[index], of: state.pointee.control.server)
    }

    /// A listener's status at this moment; `nil` if the listener is closed, or another server's.
    public func listener(_ id: ListenerID) -> ListenerStatus? {
        guard id.server == state.pointee.control.server else { return nil }
        guard let index = state.pointee.listeners.pointee.index(of: id.key) else { return nil }
        return listener(at: index)
    }

    /// Accepts on what another thread has bound; if there is no room for it any more, it is closed, and that is told.
    ///
    /// - Returns: its place among the server's listeners; `nil` if it was closed.
    func add(_ bound: BoundListener) -> Int? {
        do throws(ServerError) {
            try expectRoomForListener(bound.address)
        } catch {
            state.pointee.publishAddresses()
            state.pointee.tellLater(.listenerDown(bound.address, cause: error))
            return nil
        }
        return add(bound.socket, bound.options)
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

    /// Removes a listener. Connections that were delivered live on. Clients in the accept queue are reset.
    ///
    /// The behavior hears ``ServerInfo/listenerRemoved(_:)`` when the address is free.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func removeListener(_ id: ListenerID) throws(ServerError) {
        removeListener(at: try index(of: .id(id), "remove listener"))
    }

    /// Removes the listener on an address written as text; see ``removeListener(_:)``. Port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening`` or ``ServerError/Code/invalidAddress``.
    public func removeListener(on endpoint: Endpoint) throws(ServerError) {
        removeListener(at: try index(of: .endpoint(endpoint), "remove listener"))
    }

    /// Removes the listener on an address; see ``removeListener(_:)``.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func removeListener(on address: SocketAddress) throws(ServerError) {
        removeListener(at: try index(of: .address(address), "remove listener"))
    }

    /// The same for a task that waits until the address is free.
    func removeListener(_ name: ListenerName, for remover: Caller<Result<Void, ServerError>>) {
        do throws(ServerError) {
            let index = try index(of: name, "remove listener")
            state.pointee.listeners.pointee[index].removers.append(remover)
            removeListener(at: index)
        } catch {
            remover.reply(.failure(error))
        }
    }

    /// Has a listener serve its queue, before it leaves with those of other shards.
    func serveQueue(of name: ListenerName, for waiter: Caller<Result<Void, ServerError>>) {
        do throws(ServerError) {
            let index = try index(of: name, "remove listener")
            state.pointee.listeners.pointee.depart(index) { $0.waiters.append(waiter) }
        } catch {
            waiter.reply(.failure(error))
        }
    }

    /// The other shards' listeners have served their queues, or are not waited for: this one is removed when its own is served.
    func removeServedListener(_ name: ListenerName, for remover: Caller<Result<Void, ServerError>>) {
        do throws(ServerError) {
            let index = try index(of: name, "remove listener")
            state.pointee.listeners.pointee[index].removers.append(remover)
            state.pointee.listeners.pointee.depart(index) { $0.closesWhenServed = true }
        } catch {
            remover.reply(.failure(error))
        }
    }

    /// Has every listener look at its queue once: it is armed again, and an accept that is armed looks at the queue.
    ///
    /// With `net.ipv4.tcp_migrate_req` the kernel moves what is queued on a listener that closes to others on the port. Kernels before April
    /// 2026 did not wake those.
    func lookAtQueues() {
        let listeners = state.pointee.listeners
        for index in listeners.pointee.open {
            listeners.pointee.apply(listeners.pointee[index].state.interrupt(), index)
        }
    }

    private func removeListener(at index: Int) {
        let listeners = state.pointee.listeners
        let address = listeners.pointee[index].socket.address
        listeners.pointee[index].isRemoved = true
        let reaction = listeners.pointee[index].state.close()
        listeners.pointee.apply(reaction, index)
        if reaction == .close { state.pointee.tellLater(.listenerRemoved(address)) }
        state.pointee.publishAddresses()
    }

    /// Pauses a listener. Clients still connect, wait in its accept queue, and none is lost. Connections that were accepted just before may
    /// still be delivered.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func pauseListener(_ id: ListenerID) throws(ServerError) {
        try pauseListener(.id(id))
    }

    /// Pauses the listener on an address written as text; see ``pauseListener(_:)``. Port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening`` or ``ServerError/Code/invalidAddress``.
    public func pauseListener(on endpoint: Endpoint) throws(ServerError) {
        try pauseListener(.endpoint(endpoint))
    }

    /// Pauses the listener on an address; see ``pauseListener(_:)``.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func pauseListener(on address: SocketAddress) throws(ServerError) {
        try pauseListener(.address(address))
    }

    func pauseListener(_ name: ListenerName) throws(ServerError) {
        pauseListener(at: try index(of: name, "pause listener"))
    }

    func pauseListener(at index: Int) {
        let listeners = state.pointee.listeners
        listeners.pointee.apply(listeners.pointee[index].state.pause(), index)
        state.pointee.note(.listenerPaused(listeners.pointee[index].socket.address))
    }

    /// Resumes a paused listener.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func resumeListener(_ id: ListenerID) throws(ServerError) {
        try resumeListener(.id(id))
    }

    /// Resumes the listener on an address written as text; see ``resumeListener(_:)``. Port 0 names no listener.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening`` or ``ServerError/Code/invalidAddress``.
    public func resumeListener(on endpoint: Endpoint) throws(ServerError) {
        try resumeListener(.endpoint(endpoint))
    }

    /// Resumes the listener on an address; see ``resumeListener(_:)``.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/notListening``.
    public func resumeListener(on address: SocketAddress) throws(ServerError) {
        try resumeListener(.address(address))
    }

    func resumeListener(_ name: ListenerName) throws(ServerError) {
        resumeListener(at: try index(of: name, "resume listener"))
    }

    func resumeListener(at index: Int) {
        let listeners = state.pointee.listeners
        listeners.pointee.apply(listeners.pointee[index].state.resume(), index)
        state.pointee.note(.listenerResumed(listeners.pointee[index].socket.address))
    }

    private func index(of name: ListenerName, _ operation: String) throws(ServerError) -> Int {
        let index: Int?
        switch name {
        case .id(let id):
            index =
                id.server == state.pointee.control.server ? state.pointee.listeners.pointee.openIndex(of: id.key) : nil
        case .address(let address): index = state.pointee.listeners.pointee.index(of: address)
        case .endpoint(let endpoint): index = state.pointee.listeners.pointee.index(of: try endpoint.resolved())
        }
        if let index { return index }
        throw ServerError(.notListening, operation: operation, address: name.description, cure: name.cure)
    }
}
