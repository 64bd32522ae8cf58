internal import NBEngine
internal import NBLibc

// From completions of accepts to callbacks, and from the listeners' reactions to what is submitted.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// Two questions, each with an answer of its own: does it carry a connection, and is it the last of its arm?
    @inline(__always)
    mutating func completedAccept(_ token: Token, _ result: Int32, isLast: Bool) {
        guard let index = listeners.pointee.index(of: token) else {
            if result >= 0 { discard(result) }
            return
        }
        guard result >= 0 else {
            // An error that does not end the arm leaves it as it is.
            if isLast { failedAccept(index, -result) }
            return
        }
        listeners.pointee[index].served &+= 1
        if isStrained && !hasRoom(index) {
            shed(result)
        } else if listeners.pointee[index].state.accepted() && stopReason == nil {
            deliver(connections.pointee.admit(result, listeners.pointee[index].id))
        } else {
            discard(result)
        }
        if isLast { ended(index) }
    }

    // Out of line, as `failedAccept` and `failed` are: inlined, they would take registers that every completion needs.
    @inline(never)
    private mutating func ended(_ index: Int) {
        listeners.pointee[index].endArm()
        react(listeners.pointee[index].state.ended(), index)
    }

    /// Whether the connection that a listener got may stay; asked while descriptors are or were short, or the server drains. A
    /// server that sheds first wants its reserve back: if that cannot be had, the connection has taken its place.
    @inline(never)
    private mutating func hasRoom(_ index: Int) -> Bool {
        guard stopReason == nil else { return true }
        guard options.exhaustion != .shed || calls.takeReserve() else { return false }
        let quota = listeners.pointee[index].quota
        listeners.pointee[index].quota = quota == 0 ? 0 : quota - 1
        isStrained = state.pointee.drain != nil || listeners.pointee.anyAils(but: index)
        if listeners.pointee[index].state.isAiling && listeners.pointee[index].state.delivers {
            tell(.listenerRecovered(listeners.pointee[index].socket.address))
        }
        return true
    }

    /// Delivers what came from elsewhere like what was accepted here.
    mutating func deliverAdopted() {
        while let adoption = state.pointee.takeAdopted() {
            counters.pointee.adopted += 1
            // Nobody knows with what options it was accepted, and the loop does not wait for a peer.
            calls.forgetLinger(of: adoption.descriptor)
            if stopReason == nil {
                let slot = connections.pointee.admit(adoption.descriptor, .none)
                slot.pointee.isPlainTCP = calls.isPlainTCP(adoption.descriptor)
                adoption.unread.withUnsafeBytes { connections.pointee.keepInput(slot, $0) }
                deliver(slot)
            } else {
                discard(adoption.descriptor)
            }
        }
    }

    @inline(__always)
    private mutating func deliver(_ slot: Slot) {
        counters.pointee.delivered &+= 1
        do {
            obey(try behavior.newConnection(Connection(connections, slot), ServerContext(state)))
        } catch {
            failed(slot, error)
        }
    }

    /// The callback has thrown: a connection that it has kept or given to a worker ends.
    @inline(never)
    private mutating func failed(_ slot: Slot, _ error: any Error) {
        counters.pointee.failed += 1
        if slot.pointee.hasWorker {
            state.pointee.endWorker(slot, failing: error)
        } else if slot.pointee.isKept {
            connections.pointee.drop(slot)
        }
        tell(.connectionFailed(error))
    }

    /// With a reset, as the kernel ends what still waits to be accepted when its listener is closed: an end of the stream
    /// would look like an answer.
    private mutating func discard(_ descriptor: Int32) {
        counters.pointee.discarded += 1
        engine.submit(.disconnect(descriptor: descriptor), token: Token(.disconnect, slot: 0), silently: true)
        engine.submit(.close(descriptor: descriptor), token: Token(.close, slot: 0), silently: true)
        connections.pointee.noteFreedDescriptor()
    }

    private mutating func shed(_ descriptor: Int32) {
        counters.pointee.shed += 1
        discard(descriptor)
    }

    @inline(never)
    private mutating func failedAccept(_ index: Int, _ errno: Int32) {
        listeners.pointee[index].endArm()
        // What we cancel has not failed.
        if !listeners.pointee[index].state.isCanceling { counters.pointee.acceptFailures += 1 }
        listeners.pointee[index].lastErrno = errno
        let failure = AcceptFailure(errno: errno)
        let address = listeners.pointee[index].socket.address
        let reaction = listeners.pointee[index].state.failed(failure, at: connections.pointee.now)
        react(reaction, index)
        switch reaction {
        case .park(let isNews):
            let cause = ServerError.accept(errno, address: address.description)
            parked(address, cause, isExhausted: failure == .park, isNews: isNews)
        case .fail:
            goneDown(address, .accept(errno, address: address.description))
        case .none, .arm, .withdraw, .cancel, .close:
            break
        }
    }

    /// A listener of a server that is stopping anyway is nobody's concern.
    private mutating func parked(_ address: SocketAddress, _ cause: ServerError, isExhausted: Bool, isNews: Bool) {
        listeners.pointee.noteParked()
        isStrained = true
        guard stopReason == nil else { return }
        switch isExhausted ? options.exhaustion : .park {
        case .park:
            if isNews { tell(.listenerParked(address, cause: cause)) }
        case .shed:
            // What the reserve leaves behind is free like any descriptor of ours. Another listener may have given it up
            // before; then one try shows whether it is still there.
            if calls.giveReserve() || isNews { connections.pointee.noteFreedDescriptor() }
            if isNews { tell(.listenerShedding(address, cause: cause)) }
        case .stop:
            if isNews { tell(.listenerParked(address, cause: cause)) }
            fail(cause)
        }
    }

    private mutating func goneDown(_ address: SocketAddress, _ cause: ServerError) {
        guard stopReason == nil else { return }
        state.pointee.publishAddresses()
        tell(.listenerDown(address, cause: cause))
        // A server that drains accepts nobody new anyway, and has connections to see to their end.
        if listeners.pointee.openCount == 0 && state.pointee.drain == nil { fail(cause) }
    }
}

// What is submitted for listeners.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// Arms every listener that waits for it, the one that was served least first.
    mutating func armListeners() {
        var isFirst = true
        while let index = listeners.pointee.nextToArm(isFirst: isFirst) {
            arm(index)
            isFirst = false
        }
    }

    /// Cancels the accepts of listeners that are to rest or to close. What matters is how the accept ends.
    mutating func cancelAccepts() {
        while let index = listeners.pointee.nextToCancel() {
            engine.submit(.cancel(acceptToken(index)), token: Token(.cancel, slot: UInt32(index)), silently: true)
        }
    }

    /// Lets parked listeners try again whose time has come and, if a descriptor was freed, those that parked for want of one.
    ///
    /// A descriptor counts as freed for two turns: an accept may have failed just before the close that was submitted in
    /// the same turn. While the engine keeps back what a kernel short of memory did not take, the close may be among it: then it
    /// counts from the turn after.
    mutating func wakeParkedListeners() {
        let now = connections.pointee.now
        let freesDescriptor = connections.pointee.takeFreedDescriptor()
        if engine.retryTime != nil {
            freedDescriptorLastTurn = freedDescriptorLastTurn || freesDescriptor
        } else {
            if freesDescriptor || freedDescriptorLastTurn { listeners.pointee.wakeParked { $0.descriptorFreed() } }
            freedDescriptorLastTurn = freesDescriptor
        }
        listeners.pointee.wakeParked { $0.timePassed(now) }
    }

    mutating func closeListeners() {
        for index in listeners.pointee.open { react(listeners.pointee[index].state.close(), index) }
    }

    private mutating func react(_ reaction: ListenerState.Reaction, _ index: Int) {
        listeners.pointee.react(reaction, index)
        if reaction == .close && listeners.pointee[index].isRemoved && stopReason == nil {
            state.pointee.tellLater(.listenerRemoved(listeners.pointee[index].socket.address))
        }
    }

    private mutating func arm(_ index: Int) {
        let isMultishot = options.acceptMode == .multishot && engine.features.acceptsMultishot
        listeners.pointee[index].state.arm()
        listeners.pointee[index].beginArm()
        counters.pointee.armed += 1
        let descriptor = listeners.pointee[index].socket.descriptor
        engine.submit(.accept(listener: descriptor, isMultishot ? .multishot : .oneShot), token: acceptToken(index))
    }

    private func acceptToken(_ index: Int) -> Token {
        Token(.accept, generation: listeners.pointee[index].generation, slot: UInt32(index))
    }
}
