// How a connection's work begins.
extension LoopState {
    /// A connection has got its worker: what that wants holds from now on.
    mutating func beginWork(_ slot: ConnectionTable.Slot) {
        let options = workers.options(slot.pointee.worker.table)
        slot.pointee.receiving.framing = options.pointee.framing
        slot.pointee.receiving.ask(options.pointee.receiving)
        slot.pointee.receiving.isReady = slot.pointee.input != nil
        slot.pointee.waits = Waits(since: connections.pointee.now)
        slot.pointee.receiving.isNew = true
        connections.pointee.noteReady(slot)
        connections.pointee.unsettle(slot)
        if let end = slot.nextLimit(options.pointee) { connections.pointee.limit(slot, end) }
    }
}
