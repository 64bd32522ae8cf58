// How a connection's work begins, and how an error ends it.
extension LoopState {
    /// A connection gets the options that its worker's type has; returns why it may have no worker with those.
    mutating func giveOptionsOfType(to slot: ConnectionTable.Slot) -> ServerError? {
        slot.pointee.workerOptions = workers.options(slot.pointee.worker.table)
        return workers.refusal(slot.workerOptions)
    }

    /// A connection gets options of its own; returns why it may have no worker with those.
    mutating func giveOptions(_ options: WorkerOptions, to slot: ConnectionTable.Slot) -> ServerError? {
        do throws(ServerError) {
            slot.pointee.workerOptions = try workers.place(options)
            return workers.refusal(slot.workerOptions)
        } catch {
            _ = giveOptionsOfType(to: slot)
            return error
        }
    }

    /// A connection has got its worker: what that wants holds from now on.
    mutating func beginWork(_ slot: ConnectionTable.Slot) {
        let options = slot.workerOptions
        slot.pointee.awaitsSends = slot.pointee.awaitsSends || workers.hearsOfSends(slot.pointee.worker.table)
        slot.pointee.receiving.framing = options.pointee.framing
        slot.pointee.receiving.ask(options.pointee.receiving)
        slot.pointee.receiving.isReady = slot.pointee.input != nil || slot.pointee.receiving.hasEnded
        slot.pointee.receiving.isNew = true
        connections.pointee.noteReady(slot)
        connections.pointee.markDue(slot)
        if options.pointee.hasTimeLimits { connections.pointee.startLimits(slot) }
    }

    /// Has a worker called when the present callback has returned, if it is there.
    mutating func postUnlessGone(_ mail: WorkerMail) {
        if connections.pointee.worker(mail.connection) == nil {
            note(.messageUndelivered(mail.connection))
        } else {
            post(mail)
        }
    }

    /// An error costs a worker its connection: the behavior is told, and the worker hears it as its end. A second error is not told.
    mutating func fail(_ slot: ConnectionTable.Slot, _ error: any Error) {
        guard slot.pointee.closeCause.kind != .failed else { return }
        counters.pointee.failed += 1
        tellLater(.connectionFailed(slot.id, error))
        endWorker(slot, failing: error)
    }

    /// Ends a worker's connection because of an error, unless it ends already.
    mutating func endWorker(_ slot: ConnectionTable.Slot, failing error: any Error) {
        guard slot.pointee.phase == .open else { return }
        workers.errors[slot.pointee.worker] = error
        slot.pointee.closeCause.note(.failed)
        connections.pointee.drop(slot)
    }
}
