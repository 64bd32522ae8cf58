internal import NBEngine

// What is decided about connections that were accepted, and for which reason; and why a listener does not accept.
//
// ```
//  accepted ── the server stops, or the listener closes ──▶ refuse       ── no descriptor, and the server sheds ──▶ refuse
//           ── a rule, or a source at its limit ──▶ refuse               ── a limit or a rate ──▶ wait, or refuse
//           ── none of these ──▶ deliver
// ```
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

    /// Decides about a connection that has just been accepted, and does so. The slow path of `completed`, while `checksAdmission`.
    @inline(never)
    mutating func completedChecked(
        _ descriptor: Int32,
        _ index: Int,
        isLast: Bool,
        on engine: inout some Engine & ~Copyable,
        _ calls: inout some SocketCalls & ~Copyable
    ) {
        switch decide(descriptor, index, &calls) {
        case .deliver(let source):
            deliver(slot(for: descriptor, listeners.pointee[index].key, listeners.pointee[index].account, source))
        case .wait(let reason, let source):
            wait(descriptor, index, reason, source, isLast: isLast)
        case .refuse(let reason):
            refuse(descriptor, listeners.pointee[index].key, reason, on: &engine)
        }
    }

    private mutating func decide(
        _ descriptor: Int32,
        _ index: Int,
        _ calls: inout some SocketCalls & ~Copyable
    ) -> AdmissionDecision {
        let isStopping = state.pointee.stopReason != nil
        if !isStopping {
            guard hasDescriptor(&calls) else { return .refuse(.descriptors) }
            noteAccepted(index)
        }
        guard listeners.pointee[index].state.accepted(), !isStopping else { return .refuse(reasonToClose) }
        guard let desk else { return .deliver(source: -1) }
        return decide(descriptor, index, desk)
    }

    /// Decides by rules and limits.
    private mutating func decide(
        _ descriptor: Int32,
        _ index: Int,
        _ desk: UnsafeMutablePointer<AdmissionDesk>
    ) -> AdmissionDecision {
        guard let account = listeners.pointee[index].account else {
            preconditionFailure("a listener that is armed has an account")
        }
        var source: Int32 = -1
        if desk.pointee.asksAddresses {
            guard let arrival = desk.pointee.takeArrival(descriptor) else {
                preconditionFailure("a connection that was accepted has arrived")
            }
            if let reason = arrival.refusal { return .refuse(reason) }
            source = arrival.source
        }
        guard let reason = desk.pointee.admit(account) else {
            if account.pointee.isToldAtLimit { tellBelowLimit(account) }
            return .deliver(source: source)
        }
        tellAtLimit(account, reason)
        // Nothing waits for a listener that is about to close: the drain would have to outlast it.
        if desk.pointee.waits && !listeners.pointee[index].state.isClosing { return .wait(reason, source: source) }
        desk.pointee.giveSource(source)
        return .refuse(reason)
    }

    /// Resets a connection, or tells it a last word, if that is the answer to the reason.
    mutating func refuse(
        _ descriptor: Int32,
        _ listener: ListenerKey,
        _ reason: AdmissionReason,
        on engine: inout some Engine & ~Copyable
    ) {
        guard case .lastWord(let bytes)? = desk?.pointee.limits.answer(to: reason) else {
            return discard(descriptor, for: reason, on: &engine)
        }
        counters.pointee.discardedByReason[reason] += 1
        counters.pointee.toldLastWord += 1
        let slot = connections.pointee.admit(descriptor, listener)
        bytes.withUnsafeBytes { connections.pointee.send($0, on: slot) }
        connections.pointee.drop(slot)
    }

    /// Gives a connection that is let in a slot.
    mutating func slot(
        for descriptor: Int32,
        _ listener: ListenerKey,
        _ account: UnsafeMutablePointer<ListenerAccount>?,
        _ source: Int32
    ) -> ConnectionTable.Slot {
        let slot = connections.pointee.admit(descriptor, listener)
        slot.pointee.account = account
        slot.pointee.source = source
        return slot
    }

    private func tellAtLimit(_ account: UnsafeMutablePointer<ListenerAccount>, _ limit: AdmissionReason) {
        account.pointee.lastLimit = limit
        guard !account.pointee.isToldAtLimit else { return }
        account.pointee.isToldAtLimit = true
        state.pointee.tellLater(.listenerAtLimit(account.pointee.address, limit))
    }

    private func tellBelowLimit(_ account: UnsafeMutablePointer<ListenerAccount>) {
        account.pointee.isToldAtLimit = false
        state.pointee.tellLater(.listenerBelowLimit(account.pointee.address))
    }
}

// Descriptors that run out, the one in reserve, and what a drain leaves to accept.
extension Acceptor {
    /// The server begins to serve. If it sheds, it sets a descriptor aside.
    mutating func begin(_ calls: inout some SocketCalls & ~Copyable) {
        if state.pointee.options.whenExhausted == .shed && !calls.takeReserve() { checksAdmission = true }
    }

    /// Whether a connection may stay. A server that sheds first takes its reserve back. If it cannot, the connection has taken the reserve's
    /// place.
    func hasDescriptor(_ calls: inout some SocketCalls & ~Copyable) -> Bool {
        state.pointee.options.whenExhausted != .shed || calls.takeReserve()
    }

    /// A listener accepts: it has recovered, if it had parked, and a drain leaves it one connection less.
    private mutating func noteAccepted(_ index: Int) {
        let quota = listeners.pointee[index].quota
        listeners.pointee[index].quota = quota == 0 ? 0 : quota - 1
        checksAdmission =
            desk != nil || state.pointee.drain != nil || listeners.pointee.hasDepartures
            || listeners.pointee.hasParked(besides: index)
        if listeners.pointee[index].state.isRecovering && listeners.pointee[index].state.delivers {
            state.tell(.listenerRecovered(listeners.pointee[index].socket.address))
        }
    }

    /// A listener has parked. That is not reported once the server stops, because the listener is about to close.
    mutating func parked(_ index: Int, _ errno: Int32, isNews: Bool, _ calls: inout some SocketCalls & ~Copyable) {
        let reason = AcceptFailure.reason(ofErrno: errno)
        let address = listeners.pointee[index].socket.address
        let cause = ServerError.accept(errno, address: address.description)
        listeners.pointee.noteParked()
        checksAdmission = true
        counters.pointee.parkedByReason[reason] += 1
        guard state.pointee.stopReason == nil else { return }
        switch reason == .refused ? .park : state.pointee.options.whenExhausted {
        case .park:
            if isNews { state.tell(.listenerParked(address, cause: cause)) }
        case .shed:
            // The reserve's descriptor counts as freed. If another listener gave the reserve up before, one try shows whether the descriptor
            // is still free.
            if calls.giveReserve() || isNews { connections.pointee.freedDescriptor.note() }
            if isNews { state.tell(.listenerShedding(address, cause: cause)) }
        case .stop:
            if isNews { state.tell(.listenerParked(address, cause: cause)) }
            state.fail(cause)
        }
    }
}
