internal import NBLibc

// Workers, of which each has a connection.
extension ServerContext {
    /// Gives a connection to a worker, which is the connection's from now on. What was queued on the connection is sent.
    ///
    /// ``ConnectionWorker/connected(_:)`` is called when the present callback has returned, before any other callback of the
    /// worker. If an option of the worker's type is out of its range (``WorkerOptions``), the connection ends instead: the worker
    /// is closed with ``CloseReason/failed(_:)``, and the behavior is told ``ServerInfo/connectionFailed(_:)``, both with
    /// ``ServerError/Code/invalidOption``.
    ///
    /// - Precondition: it is this server's connection. Another server's ends the process, in every build: see
    ///   ``Connection/handOff(to:)``.
    /// - Returns: the worker's name, by which it is sent messages.
    @discardableResult
    public func assign<Worker: ConnectionWorker & ~Copyable>(
        _ connection: consuming Connection,
        to worker: consuming Worker
    ) -> WorkerID<Worker> {
        connection.expect(in: state.pointee.connections)
        let slot = connection.intoSlot()
        let number = state.pointee.workers.number(of: Worker.self)
        let pages = state.pointee.workers.pages(number)
        let index = pages.pointee.take()
        pages.pointee.address(index).initializeMemory(as: Worker.self, to: worker)
        slot.giveName()
        slot.pointee.isKept = true
        slot.pointee.worker = WorkerAddress(table: number, index: index)
        state.pointee.beginWork(slot)
        // It may have broken while it was the behavior's.
        if slot.pointee.state.isBroken {
            slot.pointee.closeCause.note(.lost, errno: EPIPE)
            state.pointee.connections.pointee.drop(slot)
        } else if let refusal = state.pointee.workers.refusal(number) {
            state.pointee.fail(slot, refusal)
        }
        return WorkerID(connection: slot.id)
    }

    /// Sends a message to a worker, which gets it when the present callback has returned.
    ///
    /// - Throws: ``UnknownConnection`` if its connection has ended or is another server's.
    public func send<Worker: ConnectionWorker & ~Copyable>(
        _ message: Worker.Message,
        to worker: WorkerID<Worker>
    ) throws(UnknownConnection) {
        try expectWorker(worker.connection)
        let mail = WorkerMail(connection: worker.connection) { box, index, connection in
            // The type is the name's, and a name is given by the worker's own table.
            try unsafeDowncast(box, to: WorkerTable<Worker>.self).handleMessage(index, message, connection)
        }
        state.pointee.post(mail)
    }

    /// Asks a worker to come to an end, by ``ConnectionWorker/finish(_:)``.
    ///
    /// - Throws: ``UnknownConnection`` if its connection has ended or is another server's.
    public func finish<Worker: ConnectionWorker & ~Copyable>(_ worker: WorkerID<Worker>) throws(UnknownConnection) {
        try expectWorker(worker.connection)
        state.pointee.post(WorkerMail(connection: worker.connection) { try $0.finish($1, $2) })
    }

    /// The workers of a type whose connections have not ended or begun to.
    public func workers<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> [WorkerID<Worker>] {
        guard let number = state.pointee.workers.knownNumber(of: type) else { return [] }
        return state.pointee.connections.pointee.used
            .filter { $0.pointee.worker.table == number && $0.pointee.phase == .open }
            .map { WorkerID(connection: $0.id) }
    }

    /// Sends the server's own behavior a message that wants no answer, for what a worker has to say to it: it is handled when the
    /// present callback has returned. An answer comes as a message to the worker; see ``WorkerConnection/workerID(of:)``.
    ///
    /// - Precondition: the server's behavior is of that type.
    /// - Throws: ``CastError`` if the server is about to stop or its mailbox is full.
    public func cast<Behavior: NonBlockingServer & ~Copyable>(
        _ message: Behavior.Cast,
        to behavior: Behavior.Type
    ) throws(CastError) {
        guard let box = state.pointee.behavior as? TypedBehaviorBox<Behavior> else {
            preconditionFailure("this server's behavior is of another type than \(behavior)")
        }
        try box.cast(message)
    }

    private func expectWorker(_ id: ConnectionID) throws(UnknownConnection) {
        guard state.pointee.connections.pointee.worker(id) != nil else {
            throw UnknownConnection(id, askedOf: state.pointee.control)
        }
    }
}
