internal import NBLibc

// Workers, of which each has a connection.
extension ServerContext {
    /// Gives a connection to a worker, which owns it from now on. What was queued on the connection is sent.
    ///
    /// ``ConnectionWorker/connected(_:)`` is called after the present callback has returned, before any other callback of the worker.
    ///
    /// If an option is out of its range (``WorkerOptions``), the connection ends instead. The worker is closed with
    /// ``CloseReason/failed(_:)``, and the behavior hears ``ServerInfo/connectionFailed(_:_:)``, both with
    /// ``ServerError/Code/invalidOption``.
    ///
    /// - Precondition: the connection is this server's. Another server's connection ends the process, in every build; use
    ///   ``Connection/handOff(to:)`` for that.
    /// - Returns: a reference to the worker.
    @discardableResult
    public func assign<Worker: ConnectionWorker & ~Copyable>(
        _ connection: consuming Connection,
        to worker: consuming Worker,
        options: WorkerOptions? = nil
    ) -> WorkerRef<Worker> {
        WorkerRef(give(connection, to: worker, options: options), state.pointee.behavior.mailbox)
    }

    /// The same where nothing asks for the reference, which would cost a retain.
    @discardableResult
    @usableFromInline
    func give<Worker: ConnectionWorker & ~Copyable>(
        _ connection: consuming Connection,
        to worker: consuming Worker,
        options: WorkerOptions?
    ) -> ConnectionID {
        guard let options else { return give(connection, to: worker) }
        let slot = seat(worker, at: connection)
        begin(slot, refusal: state.pointee.giveOptions(options, to: slot))
        return slot.id
    }

    /// The same with the options of the worker's type. An overload, because no options cost as much to pass as options do.
    @discardableResult
    @inline(__always)
    @usableFromInline
    func give<Worker: ConnectionWorker & ~Copyable>(
        _ connection: consuming Connection,
        to worker: consuming Worker
    ) -> ConnectionID {
        let slot = seat(worker, at: connection)
        begin(slot, refusal: state.pointee.giveOptionsOfType(to: slot))
        return slot.id
    }

    /// Puts a worker where its connection is.
    @inline(__always)
    private func seat<Worker: ConnectionWorker & ~Copyable>(
        _ worker: consuming Worker,
        at connection: consuming Connection
    ) -> ConnectionTable.Slot {
        connection.expect(in: state.pointee.connections)
        let slot = connection.intoSlot()
        let number = state.pointee.workers.number(of: Worker.self)
        let pages = state.pointee.workers.pages(number)
        let index = pages.pointee.take()
        pages.pointee.address(index).initializeMemory(as: Worker.self, to: worker)
        state.pointee.connections.pointee.giveName(slot)
        slot.pointee.isKept = true
        slot.pointee.worker = WorkerAddress(table: number, index: index)
        return slot
    }

    @inline(__always)
    private func begin(_ slot: ConnectionTable.Slot, refusal: ServerError?) {
        state.pointee.beginWork(slot)
        // It may have broken while it was the behavior's.
        if slot.pointee.state.isBroken {
            slot.pointee.closeCause.note(.lost, errno: EPIPE)
            state.pointee.connections.pointee.drop(slot)
        } else if let refusal {
            state.pointee.fail(slot, refusal)
        }
    }

    /// Watches a worker. The behavior hears of the worker's end once, as ``ServerInfo/workerEnded(_:_:)``. If the worker has ended before,
    /// the behavior hears so after the present callback, with ``CloseReason/unknown``. A server that stops reports no more ends.
    ///
    /// - Throws: ``UnknownConnection`` if the worker is another server's. Only that server can watch it.
    public func monitor<Worker: ConnectionWorker & ~Copyable>(_ worker: WorkerRef<Worker>) throws(UnknownConnection) {
        guard worker.id.server == state.pointee.control.server else {
            throw UnknownConnection(worker.id, askedOf: state.pointee.control)
        }
        if !state.pointee.connections.pointee.monitor(worker.id) {
            state.pointee.tellLater(.workerEnded(worker.id, .unknown))
        }
    }

    /// References to the workers of one type whose connections have not begun to end.
    public func workers<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> [WorkerRef<Worker>] {
        guard let number = state.pointee.workers.knownNumber(of: type) else { return [] }
        let mailbox = state.pointee.behavior.mailbox
        return state.pointee.connections.pointee.used
            .filter { $0.pointee.worker.table == number && $0.pointee.phase == .open }
            .map { WorkerRef($0.id, mailbox) }
    }
}
