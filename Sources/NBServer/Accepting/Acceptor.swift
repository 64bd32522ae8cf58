internal import NBEngine

/// The acceptor turns completions of accepts into callbacks, and due listeners into operations.
///
/// Part of the loop; loop's thread only.
///
/// ```
///  completion ── of an arm that is over ──▶ reset its connection, if it has one, and count it
///             ── an error ──▶ the listener's state says: arm again, park, or go down
///             ── a connection ──▶ deliver it; or do as is decided: `Acceptor+Admission.swift`
///             ── the last of its arm ──▶ the listener's state says: arm again, rest, or close
/// ```
struct Acceptor {
    let state: UnsafeMutablePointer<LoopState>
    // The state's tables, stored here because every completion needs them. Not `let`s: writing through a `let` crashes the compiler
    // (Swift 6.3) when it builds for the thread sanitizer.
    var connections: UnsafeMutablePointer<ConnectionTable>
    var counters: UnsafeMutablePointer<ServerCounters>
    var listeners: UnsafeMutablePointer<ListenerTable>
    private let behavior: BehaviorBox
    /// The loop's part of the admission, if there is one.
    let desk: UnsafeMutablePointer<AdmissionDesk>?

    /// Each connection takes the slow path before its delivery: there is an admission, descriptors are or were short, or the server drains.
    var checksAdmission: Bool

    init(_ state: UnsafeMutablePointer<LoopState>, _ behavior: BehaviorBox) {
        self.state = state
        connections = state.pointee.connections
        counters = state.pointee.counters
        listeners = state.pointee.listeners
        desk = state.pointee.desk
        checksAdmission = desk != nil
        self.behavior = behavior
    }
}

// What completions of accepts mean.
extension Acceptor {
    /// The four outcomes. A completion answers two separate questions: does it carry a connection, and is it the last of its arm?
    @inline(__always)
    mutating func completed(
        _ token: Token,
        _ result: Int32,
        isLast: Bool,
        on engine: inout some Engine & ~Copyable,
        _ calls: inout some SocketCalls & ~Copyable
    ) {
        guard let index = listeners.pointee.index(of: token) else {
            if result >= 0 { discardStale(result, on: &engine) }
            return
        }
        guard result >= 0 else {
            // An error that does not end the arm has no effect.
            if isLast { failed(index, -result, &calls) }
            return
        }
        listeners.pointee[index].served &+= 1
        if checksAdmission {
            completedChecked(result, index, isLast: isLast, on: &engine, &calls)
        } else if listeners.pointee[index].state.accepted() && state.pointee.stopReason == nil {
            deliver(connections.pointee.admit(result, listeners.pointee[index].key))
        } else {
            discardLate(result, on: &engine)
        }
        if isLast { ended(index) }
    }

    // Out of line, like `failed`: inlined, both would take registers that every completion needs.
    @inline(never)
    private mutating func ended(_ index: Int) {
        listeners.pointee[index].endArm()
        apply(listeners.pointee[index].state.ended(), index)
    }

    @inline(__always)
    mutating func deliver(_ slot: ConnectionTable.Slot) {
        counters.pointee.delivered &+= 1
        do {
            state.apply(try behavior.newConnection(Connection(connections, slot), in: ServerContext(state)))
        } catch {
            failed(slot, error)
        }
    }

    /// The callback has thrown. If it kept the connection or gave it to a worker, the connection ends.
    @inline(never)
    private mutating func failed(_ slot: ConnectionTable.Slot, _ error: any Error) {
        counters.pointee.failed += 1
        if slot.pointee.hasWorker {
            state.pointee.endWorker(slot, failing: error)
        } else if slot.pointee.isKept {
            connections.pointee.drop(slot)
        }
        connections.pointee.giveName(slot)
        state.tell(.connectionFailed(slot.id, error))
    }

    /// Resets a connection, as the kernel resets queued clients when their listener is closed. An end of the stream would look like an
    /// answer.
    mutating func discard(
        _ descriptor: Int32,
        for reason: AdmissionReason,
        on engine: inout some Engine & ~Copyable
    ) {
        counters.pointee.discardedByReason[reason] += 1
        engine.submit(.disconnect(descriptor: descriptor), token: Token(.disconnect, slot: 0), silently: true)
        engine.submit(.close(descriptor: descriptor), token: Token(.close, slot: 0), silently: true)
        connections.pointee.freedDescriptor.note()
    }

    /// A connection comes after its arm is over.
    @inline(never)
    private mutating func discardStale(_ descriptor: Int32, on engine: inout some Engine & ~Copyable) {
        discard(descriptor, for: state.pointee.stopReason == nil ? .stale : .stopping, on: &engine)
    }

    /// A connection comes when the server or its listener closes.
    @inline(never)
    private mutating func discardLate(_ descriptor: Int32, on engine: inout some Engine & ~Copyable) {
        discard(descriptor, for: reasonToClose, on: &engine)
    }

    /// Why listeners close, if they do.
    var reasonToClose: AdmissionReason {
        if state.pointee.stopReason != nil { return .stopping }
        return state.pointee.drain == nil ? .removed : .draining
    }
}

// Connections that were accepted elsewhere, or earlier.
extension Acceptor {
    /// Delivers adopted connections, and those that waited at a limit.
    @inline(__always)
    mutating func deliverOthers(
        on engine: inout some Engine & ~Copyable,
        _ calls: inout some SocketCalls & ~Copyable
    ) {
        if state.pointee.hasAdopted { deliverAdopted(on: &engine, calls) }
        if desk != nil { deliverWaiting(on: &engine, &calls) }
    }

    /// Delivers adopted connections like accepted ones.
    @inline(never)
    private mutating func deliverAdopted(
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        while let adoption = state.pointee.takeAdopted(), let (descriptor, unread) = adoption.connection.take() {
            counters.pointee.adopted += 1
            calls.adopt(adoption.connection.standIn)
            // The socket's options are unknown. With `SO_LINGER`, a close would wait for the peer, and the loop must not. With `SO_RCVLOWAT`,
            // a poll would not tell of input that makes a close a reset.
            calls.forgetLinger(of: descriptor)
            calls.forgetLowWater(of: descriptor)
            if state.pointee.stopReason == nil {
                let slot = connections.pointee.admit(descriptor, .none)
                // Bytes that were sent on it before may not have left yet.
                slot.pointee.mayBeBehind = true
                slot.pointee.isPlainTCP = calls.isPlainTCP(descriptor)
                unread.withUnsafeBytes { connections.pointee.keepInput(slot, $0) }
                guard let assign = adoption.assign else {
                    deliver(slot)
                    continue
                }
                counters.pointee.delivered += 1
                assign(Connection(connections, slot), ServerContext(state))
            } else {
                discard(descriptor, for: .stopping, on: &engine)
            }
        }
    }
}

// Accepts that fail.
extension Acceptor {
    @inline(never)
    private mutating func failed(_ index: Int, _ errno: Int32, _ calls: inout some SocketCalls & ~Copyable) {
        listeners.pointee[index].endArm()
        // A cancelled accept has not failed.
        if !listeners.pointee[index].state.isCancelling {
            counters.pointee.acceptFailuresByError[AcceptFailure.name(ofErrno: errno), default: 0] += 1
        }
        listeners.pointee[index].lastErrno = errno
        let failure = AcceptFailure(errno: errno)
        let address = listeners.pointee[index].socket.address
        let reaction = listeners.pointee[index].state.failed(failure, at: connections.pointee.now)
        apply(reaction, index)
        switch reaction {
        case .park(let isNews): parked(index, errno, isNews: isNews, &calls)
        case .fail: goneDown(address, .accept(errno, address: address.description))
        case .none, .arm, .withdraw, .cancel, .close:
            break
        }
    }

    private mutating func goneDown(_ address: SocketAddress, _ cause: ServerError) {
        guard state.pointee.stopReason == nil else { return }
        state.pointee.publishAddresses()
        state.tell(.listenerDown(address, cause: cause))
        // A draining server accepts no new clients and still has connections to end, so it goes on without listeners.
        if listeners.pointee.openCount == 0 && state.pointee.drain == nil { state.fail(cause) }
    }
}

// What is submitted for listeners.
extension Acceptor {
    /// Submits cancels, then arms, including those of parked listeners that try again.
    @inline(__always)
    mutating func submitDue(on engine: inout some Engine & ~Copyable) {
        if desk != nil { settleAdmission(on: &engine) }
        if listeners.pointee.takeClosed() { state.pointee.control.tellListenerClosed() }
        if listeners.pointee.hasCancels { cancelAccepts(on: &engine) }
        let isDescriptorFreed = connections.pointee.freedDescriptor.takeTurn(keepsBack: engine.retryTime != nil)
        if listeners.pointee.mayHaveParked { wakeParkedListeners(isDescriptorFreed: isDescriptorFreed) }
        if listeners.pointee.hasPending { armListeners(on: &engine) }
    }

    /// Cancels the accepts of listeners that pause or close. The cancel's own completion is silent: the accept's completion matters.
    @inline(never)
    private mutating func cancelAccepts(on engine: inout some Engine & ~Copyable) {
        while let index = listeners.pointee.nextToCancel() {
            let cancel = Operation.cancel(acceptToken(index), descriptor: listeners.pointee[index].socket.descriptor)
            engine.submit(cancel, token: Token(.cancel, slot: UInt32(index)), silently: true)
        }
    }

    /// Lets parked listeners try again: those whose pause is over and, if a descriptor was freed, those that parked for lack of one.
    @inline(never)
    private mutating func wakeParkedListeners(isDescriptorFreed: Bool) {
        let now = connections.pointee.now
        if isDescriptorFreed {
            listeners.pointee.wakeParked { $0.descriptorFreed() }
        }
        listeners.pointee.wakeParked { $0.timePassed(now) }
    }

    /// Arms every listener that is due, the least-served one first.
    @inline(never)
    private mutating func armListeners(on engine: inout some Engine & ~Copyable) {
        var isFirst = true
        while let index = listeners.pointee.nextToArm(isFirst: isFirst) {
            arm(index, on: &engine)
            isFirst = false
        }
    }

    private mutating func arm(_ index: Int, on engine: inout some Engine & ~Copyable) {
        var isMultishot = state.pointee.options.acceptMode == .multishot && engine.features.acceptsMultishot
        if desk != nil && isNearLimit(index, engine.features.quantum) { isMultishot = false }
        listeners.pointee[index].state.arm()
        listeners.pointee[index].beginArm()
        counters.pointee.armed += 1
        let descriptor = listeners.pointee[index].socket.descriptor
        engine.submit(.accept(listener: descriptor, isMultishot ? .multishot : .oneShot), token: acceptToken(index))
    }

    /// When a parked listener tries again, or a rate has a token for a connection that waits.
    @inline(__always)
    var nextDeadline: Instant? { .earlier(listeners.pointee.nextParkEnd, desk?.pointee.deadline) }

    private func acceptToken(_ index: Int) -> Token {
        Token(.accept, generation: listeners.pointee[index].generation, slot: UInt32(index))
    }

    mutating func apply(_ reaction: ListenerState.Reaction, _ index: Int) {
        listeners.pointee.apply(reaction, index)
        if reaction == .close && listeners.pointee[index].isRemoved && state.pointee.stopReason == nil {
            state.pointee.tellLater(.listenerRemoved(listeners.pointee[index].socket.address))
        }
    }
}
