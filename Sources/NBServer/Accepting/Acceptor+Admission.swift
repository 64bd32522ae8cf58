internal import NBEngine
internal import NBLibc

// What an admission decides about connections: delivered at once, delivered later, or refused. Only where a server has one.
extension Acceptor {
    /// Takes permits for the connections among completions that are about to be acted on.
    @inline(never)
    mutating func expect(_ indices: Range<Int>, of batch: borrowing CompletionBatch) {
        guard let desk else { return }
        for position in indices {
            let completion = batch[position]
            guard TokenKind(rawValue: completion.token.kind) == .accept, completion.result >= 0,
                let index = listeners.pointee.index(of: completion.token),
                let account = listeners.pointee[index].account
            else { continue }
            desk.pointee.expect(account)
        }
        desk.pointee.takePermits(at: connections.pointee.now)
    }

    /// Decides about a connection that has just been accepted.
    mutating func admit(_ descriptor: Int32, _ index: Int, isLast: Bool, on engine: inout some Engine & ~Copyable) {
        guard let desk, let account = listeners.pointee[index].account else {
            preconditionFailure("a listener that is armed has an account")
        }
        guard let limit = desk.pointee.admit(account) else {
            if account.pointee.isToldAtLimit { tellBelowLimit(account) }
            let slot = connections.pointee.admit(descriptor, listeners.pointee[index].id)
            slot.pointee.account = account
            return deliver(slot)
        }
        tellAtLimit(account, limit)
        switch desk.pointee.limits.whenReached {
        // Nothing waits for a listener that is about to close: the drain would have to outlast it.
        case .wait where listeners.pointee[index].state.isClosing:
            refuse(descriptor, on: &engine)
        case .wait:
            counters.pointee.waiting += 1
            account.pointee.waitingCount += 1
            desk.pointee.waiting.append(
                .init(descriptor: descriptor, listener: listeners.pointee[index].id, account: account)
            )
            listeners.pointee.withhold(index, isArmed: !isLast)
        case .reset:
            refuse(descriptor, on: &engine)
        }
    }

    private mutating func refuse(_ descriptor: Int32, on engine: inout some Engine & ~Copyable) {
        counters.pointee.overLimit += 1
        discard(descriptor, on: &engine)
    }

    private func tellAtLimit(_ account: UnsafeMutablePointer<ListenerAccount>, _ limit: AdmissionLimit) {
        guard !account.pointee.isToldAtLimit else { return }
        account.pointee.isToldAtLimit = true
        state.pointee.tellLater(.listenerAtLimit(account.pointee.address, limit))
    }

    private func tellBelowLimit(_ account: UnsafeMutablePointer<ListenerAccount>) {
        account.pointee.isToldAtLimit = false
        state.pointee.tellLater(.listenerBelowLimit(account.pointee.address))
    }

    /// Makes the account of a listener that is armed for the first time, and says whether accepts are to be one at a time, since what is
    /// accepted beyond a limit waits.
    mutating func isNearLimit(_ index: Int, _ quantum: Int) -> Bool {
        guard let desk else { return false }
        let account: UnsafeMutablePointer<ListenerAccount>
        if let known = listeners.pointee[index].account {
            account = known
        } else {
            account = desk.makeAccount(for: listeners.pointee[index].socket.address)
            listeners.pointee[index].account = account
        }
        guard desk.pointee.limits.whenReached == .wait else { return false }
        return desk.pointee.isNearLimit(account, quantum, at: connections.pointee.now)
    }

    /// Delivers connections that wait, as far as permits have come for them.
    mutating func deliverWaiting(
        on engine: inout some Engine & ~Copyable,
        _ calls: inout some SocketCalls & ~Copyable
    ) {
        guard let desk else { return }
        let now = connections.pointee.now
        let isDue = desk.pointee.deadline.map { $0 <= now } ?? false
        if state.pointee.control.takeAdmissionNews() || isDue {
            if desk.pointee.updateLimits() && desk.pointee.limits.whenReached == .reset { refuseWaiting(on: &engine) }
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
            guard options.whenExhausted != .shed || calls.takeReserve() else {
                waiting.account.noteAdmittedInVain()
                shed(waiting.descriptor, on: &engine)
                continue
            }
            let slot = connections.pointee.admit(waiting.descriptor, waiting.listener)
            slot.pointee.account = waiting.account
            deliver(slot)
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
        for descriptor in removeWaiting({ _ in true }) { discard(descriptor, on: &engine) }
    }

    /// Limits were changed, and nobody is to wait any more.
    private mutating func refuseWaiting(on engine: inout some Engine & ~Copyable) {
        for descriptor in removeWaiting({ _ in true }) { refuse(descriptor, on: &engine) }
    }

    /// The engine is lost.
    mutating func closeWaiting() {
        for descriptor in removeWaiting({ _ in true }) {
            counters.pointee.discarded += 1
            NBLibc.close(descriptor)
        }
    }

    private mutating func removeWaiting(_ isToGo: (AdmissionDesk.Waiting) -> Bool) -> [Int32] {
        guard let desk, !desk.pointee.waiting.isEmpty else { return [] }
        let removed = desk.pointee.waiting.filter(isToGo)
        desk.pointee.waiting.removeAll(where: isToGo)
        for waiting in removed { forget(waiting) }
        return removed.map(\.descriptor)
    }

    /// The turn is about to end: permits go back, and who came by a listener that is closed is discarded.
    @inline(never)
    mutating func settleAdmission(on engine: inout some Engine & ~Copyable) {
        guard let desk else { return }
        if desk.pointee.hasOrphans {
            desk.pointee.hasOrphans = false
            for descriptor in removeWaiting(\.account.pointee.isClosed) { discard(descriptor, on: &engine) }
        }
        desk.pointee.settle(at: connections.pointee.now)
    }

    /// The engine is lost, and every connection is closed.
    func settleAbandoned() {
        desk?.pointee.settle(at: connections.pointee.now)
    }

    /// When a token comes for a connection that waits.
    var nextToken: Instant? { desk?.pointee.deadline }

    /// Whether connections wait that can be delivered, or may be.
    var hasDeliverable: Bool {
        guard let desk else { return false }
        return desk.pointee.canDeliver || state.pointee.control.hasAdmissionNews
    }
}
