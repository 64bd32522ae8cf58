internal import NBEngine

// Connections that were accepted and wait at a limit, and what becomes of them. Only where a server has an admission.
extension Acceptor {
    /// A connection waits: its listener is not armed until it does not.
    mutating func wait(
        _ descriptor: Int32,
        _ index: Int,
        _ reason: AdmissionReason,
        _ source: Int32,
        isLast: Bool
    ) {
        guard let desk, let account = listeners.pointee[index].account else {
            preconditionFailure("connections wait only where there is an admission")
        }
        counters.pointee.waiting += 1
        counters.pointee.waitedByReason[reason] += 1
        account.pointee.waitingCount += 1
        let key = listeners.pointee[index].key
        desk.pointee.waiting.append(
            .init(descriptor: descriptor, listener: key, account: account, source: source, reason: reason)
        )
        listeners.pointee.withhold(index, isArmed: !isLast)
    }

    /// Delivers connections that wait, as far as permits have come for them.
    mutating func deliverWaiting(
        on engine: inout some Engine & ~Copyable,
        _ calls: inout some SocketCalls & ~Copyable
    ) {
        guard let desk else { return }
        let now = connections.pointee.now
        let isDue = desk.pointee.deadline.map { $0 <= now } ?? false
        if desk.pointee.takeNews() || desk.pointee.canRenew || isDue {
            if desk.pointee.updateLimits() && !desk.pointee.waits {
                refuseWaiting(on: &engine)
            }
            desk.pointee.settle(at: now)
        }
        if desk.pointee.canDeliver { deliverAdmitted(desk, on: &engine, &calls) }
    }

    @inline(never)
    private mutating func deliverAdmitted(
        _ desk: UnsafeMutablePointer<AdmissionDesk>,
        on engine: inout some Engine & ~Copyable,
        _ calls: inout some SocketCalls & ~Copyable
    ) {
        var kept = 0
        for position in desk.pointee.waiting.indices {
            let waiting = desk.pointee.waiting[position]
            // A callback for one of those before it may have stopped the server, or removed the listener.
            let isWanted = state.pointee.stopReason == nil && !waiting.account.pointee.isClosed
            guard isWanted, desk.pointee.admit(waiting.account) == nil else {
                desk.pointee.waiting[kept] = waiting
                kept += 1
                continue
            }
            forget(waiting)
            guard hasDescriptor(&calls) else {
                waiting.account.noteAdmittedInVain(source: waiting.source)
                discard(waiting.descriptor, for: .descriptors, on: &engine)
                continue
            }
            deliver(slot(for: waiting.descriptor, waiting.listener, waiting.account, waiting.source))
        }
        desk.pointee.waiting.removeLast(desk.pointee.waiting.count - kept)
    }

    /// A connection waits no more: its listener is armed again if it was the last.
    private mutating func forget(_ waiting: AdmissionDesk.Waiting) {
        counters.pointee.waiting -= 1
        waiting.account.pointee.waitingCount -= 1
        guard waiting.account.pointee.waitingCount == 0, let index = listeners.pointee.index(of: waiting.listener)
        else {
            return
        }
        listeners.pointee.release(index)
    }

    /// The server ends, or those that have not been delivered are to go.
    mutating func discardWaiting(on engine: inout some Engine & ~Copyable) {
        for waiting in removeWaiting({ _ in true }) { discard(waiting.descriptor, for: reasonToClose, on: &engine) }
    }

    /// Limits were changed, and no client is to wait any more.
    private mutating func refuseWaiting(on engine: inout some Engine & ~Copyable) {
        for waiting in removeWaiting({ _ in true }) {
            refuse(waiting.descriptor, waiting.listener, waiting.reason, on: &engine)
        }
    }

    /// The engine is lost.
    mutating func closeWaiting() {
        for waiting in removeWaiting({ _ in true }) { discardDirectly(waiting.descriptor) }
    }

    private mutating func removeWaiting(_ isToGo: (AdmissionDesk.Waiting) -> Bool) -> [AdmissionDesk.Waiting] {
        guard let desk, !desk.pointee.waiting.isEmpty else { return [] }
        let removed = desk.pointee.waiting.filter(isToGo)
        desk.pointee.waiting.removeAll(where: isToGo)
        for waiting in removed {
            forget(waiting)
            desk.pointee.giveSource(waiting.source)
        }
        return removed
    }

    /// The turn is about to end: permits go back, and connections of listeners that are closed are discarded.
    @inline(never)
    mutating func settleAdmission(on engine: inout some Engine & ~Copyable) {
        guard let desk else { return }
        if desk.pointee.hasOrphans {
            desk.pointee.hasOrphans = false
            for waiting in removeWaiting(\.account.pointee.isClosed) {
                discard(waiting.descriptor, for: reasonToClose, on: &engine)
            }
        }
        desk.pointee.settle(at: connections.pointee.now)
    }

    /// Whether connections wait that can be delivered, or may be.
    var hasDeliverable: Bool {
        guard let desk else { return false }
        return desk.pointee.canDeliver || desk.pointee.hasNews || desk.pointee.canRenew
    }
}
