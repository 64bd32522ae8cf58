internal import NBEngine

// What an admission decides about connections: delivered at once, delivered later, or refused. Only where a server has one.
extension Acceptor {
    /// Takes permits for the connections among completions that are about to be acted on.
    @inline(never)
    mutating func expect(
        _ indices: Range<Int>,
        of batch: borrowing CompletionBatch,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard let desk else { return }
        let asksAddresses = desk.pointee.asksAddresses
        if asksAddresses { desk.pointee.finishArrivals() }
        for position in indices {
            let completion = batch[position]
            guard TokenKind(rawValue: completion.token.kind) == .accept, completion.result >= 0,
                let index = listeners.pointee.index(of: completion.token),
                let account = listeners.pointee[index].account
            else { continue }
            if asksAddresses {
                let address = calls.peerAddress(of: completion.result)
                desk.pointee.expect(completion.result, from: address, account)
            } else {
                desk.pointee.expect(account)
            }
        }
        if asksAddresses { desk.pointee.decideAboutSources(at: connections.pointee.now) }
        desk.pointee.takePermits(at: connections.pointee.now)
    }

    /// Decides about a connection that has just been accepted.
    mutating func admit(_ descriptor: Int32, _ index: Int, isLast: Bool, on engine: inout some Engine & ~Copyable) {
        guard let desk, let account = listeners.pointee[index].account else {
            preconditionFailure("a listener that is armed has an account")
        }
        var source: Int32 = -1
        if desk.pointee.asksAddresses {
            guard let place = sourceOfArrival(descriptor, index, desk, on: &engine) else { return }
            source = place
        }
        guard let limit = desk.pointee.admit(account) else {
            if account.pointee.isToldAtLimit { tellBelowLimit(account) }
            return deliver(slot(for: descriptor, listeners.pointee[index].key, account, source))
        }
        tellAtLimit(account, limit)
        // Nothing waits for a listener that is about to close: the drain would have to outlast it.
        if desk.pointee.waits && !listeners.pointee[index].state.isClosing {
            counters.pointee.waiting += 1
            account.pointee.waitingCount += 1
            let key = listeners.pointee[index].key
            desk.pointee.waiting.append(.init(descriptor: descriptor, listener: key, account: account, source: source))
            listeners.pointee.withhold(index, isArmed: !isLast)
        } else {
            desk.pointee.giveSource(source)
            counters.pointee.overLimit += 1
            let key = listeners.pointee[index].key
            // A reset, if it would wait otherwise.
            refuse(descriptor, key, desk.pointee.limits.whenReached, on: &engine)
        }
    }

    /// Gives a connection that is let in a slot.
    private mutating func slot(
        for descriptor: Int32,
        _ listener: ListenerKey,
        _ account: UnsafeMutablePointer<ListenerAccount>,
        _ source: Int32
    ) -> ConnectionTable.Slot {
        let slot = connections.pointee.admit(descriptor, listener)
        slot.pointee.account = account
        slot.pointee.source = source
        return slot
    }

    /// Refuses a connection whose source may not come in, or not now.
    ///
    /// - Returns: the place of the source, or -1; `nil` if the connection was refused.
    @inline(never)
    private mutating func sourceOfArrival(
        _ descriptor: Int32,
        _ index: Int,
        _ desk: UnsafeMutablePointer<AdmissionDesk>,
        on engine: inout some Engine & ~Copyable
    ) -> Int32? {
        guard let arrival = desk.pointee.takeArrival(descriptor) else {
            preconditionFailure("a connection that was accepted has arrived")
        }
        switch arrival.verdict {
        case .admitted: return arrival.source
        case .denied:
            counters.pointee.denied += 1
            discard(descriptor, on: &engine)
        case .gone:
            counters.pointee.gone += 1
            discard(descriptor, on: &engine)
        case .overLimit:
            counters.pointee.overSourceLimit += 1
            let answer = desk.pointee.limits.perSource?.whenReached ?? .reset
            refuse(descriptor, listeners.pointee[index].key, answer, on: &engine)
        }
        return nil
    }

    private mutating func refuse(
        _ descriptor: Int32,
        _ listener: ListenerKey,
        _ answer: AdmissionLimits.Answer,
        on engine: inout some Engine & ~Copyable
    ) {
        guard case .lastWord(let bytes) = answer else { return discard(descriptor, on: &engine) }
        counters.pointee.discarded += 1
        counters.pointee.toldLastWord += 1
        let slot = connections.pointee.admit(descriptor, listener)
        bytes.withUnsafeBytes { connections.pointee.send($0, on: slot) }
        connections.pointee.drop(slot)
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
        guard desk.pointee.waits else { return false }
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
        if desk.pointee.takeNews() || isDue {
            if desk.pointee.updateLimits() && !desk.pointee.waits {
                refuseWaiting(desk.pointee.limits.whenReached, on: &engine)
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
            guard options.whenExhausted != .shed || calls.takeReserve() else {
                waiting.account.noteAdmittedInVain(source: waiting.source)
                shed(waiting.descriptor, on: &engine)
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
        for waiting in removeWaiting({ _ in true }) { discard(waiting.descriptor, on: &engine) }
    }

    /// Limits were changed, and no client is to wait any more.
    private mutating func refuseWaiting(
        _ answer: AdmissionLimits.Answer,
        on engine: inout some Engine & ~Copyable
    ) {
        for waiting in removeWaiting({ _ in true }) {
            counters.pointee.overLimit += 1
            refuse(waiting.descriptor, waiting.listener, answer, on: &engine)
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

    /// The turn is about to end: permits go back, and who came by a listener that is closed is discarded.
    @inline(never)
    mutating func settleAdmission(on engine: inout some Engine & ~Copyable) {
        guard let desk else { return }
        if desk.pointee.hasOrphans {
            desk.pointee.hasOrphans = false
            for waiting in removeWaiting(\.account.pointee.isClosed) { discard(waiting.descriptor, on: &engine) }
        }
        desk.pointee.settle(at: connections.pointee.now)
    }

    /// Whether connections wait that can be delivered, or may be.
    var hasDeliverable: Bool {
        guard let desk else { return false }
        return desk.pointee.canDeliver || desk.pointee.hasNews
    }
}
