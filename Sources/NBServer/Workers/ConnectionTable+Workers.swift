internal import NBEngine

// Workers and their connections.
extension ConnectionTable {
    /// The slot of a worker's connection that is in use.
    func worker(_ id: ConnectionID) -> Slot? {
        guard let slot = slotOfWorker(id), slot.pointee.phase == .open else { return nil }
        return slot
    }

    /// The slot of a worker whose connection has not ended, whatever its phase.
    private func slotOfWorker(_ id: ConnectionID) -> Slot? {
        guard let slot = slot(id.slot), slot.pointee.hasWorker, slot.pointee.number == id.number else { return nil }
        return slot
    }

    /// The behavior is to be told of a worker's end; returns whether there is such a worker that was not told itself.
    mutating func monitor(_ id: ConnectionID) -> Bool {
        if let slot = slotOfWorker(id) {
            slot.pointee.isMonitored = true
            return true
        }
        guard let index = closeNotices.firstIndex(where: { $0.connection == id }) else { return false }
        closeNotices[index].isMonitored = true
        return true
    }

    /// A connection is in use no more: a worker's wishes mean nothing from now on, and of its limits one remains, for what is
    /// left to be sent. When that is looked at stays as it is.
    @inline(__always)
    mutating func leaveOpen(_ slot: Slot) {
        if slot.pointee.hasWorker { leaveWorker(slot) }
    }

    @inline(never)
    private mutating func leaveWorker(_ slot: Slot) {
        slot.pointee.clocks?.pointee.noteEnding(now)
        slot.pointee.receiving.credit = 0
    }

    /// The connection of a worker has ended.
    @inline(never)
    mutating func endWorker(_ slot: Slot) {
        // Only now: the callback that closed it may have been given some of them.
        if slot.pointee.receiving.hasToldEnd, slot.pointee.input != nil {
            slot.pointee.closeCause.noteCut(input(of: slot).count)
        }
        closeNotices.append(
            PendingCloseNotice(
                worker: slot.pointee.worker,
                cause: slot.pointee.closeCause,
                connection: slot.id,
                isMonitored: slot.pointee.isMonitored,
                listener: slot.pointee.listener,
                options: slot.pointee.workerOptions
            )
        )
        // An open one still has its worker's limit; any other has its close limit.
        if slot.pointee.phase == .open { removeDeadline(slot) }
        // The next owner of the connection gets these bytes too.
        if slot.pointee.phase != .detaching { forgetInput(slot) }
        slot.pointee.worker = .none
        slot.pointee.receiving.forgetWorker()
        slot.pointee.closeCause = CloseCause()
        slot.pointee.isCongested = false
        slot.pointee.isMonitored = false
        slot.pointee.runCount = 0
    }

    /// The slot by which a worker is told of its end: its connection's own may be another's by then. It is free, so that whatever is
    /// asked of it is ignored, and holds until the next worker is told.
    func ended(_ notice: PendingCloseNotice) -> Slot {
        endedSlot.pointee.token = Token(kind: 0, slot: notice.connection.slot)
        endedSlot.pointee.number = notice.connection.number
        endedSlot.pointee.listener = notice.listener
        endedSlot.pointee.workerOptions = notice.options
        endedSlot.pointee.receiving = Receiving()
        endedSlot.pointee.receiving.cutByteCount = notice.cause.cutByteCount
        return endedSlot
    }

    /// Takes a worker whose connection has ended.
    mutating func takeCloseNotice() -> PendingCloseNotice? {
        closeNotices.popLast()
    }
}
