internal import NBEngine
internal import NBLibc

// How connections end: what is submitted for them, and what its completions mean. The phases are drawn at
// `ConnectionSlot`; every error of a connection is answered here.
extension ConnectionTable {
    /// Submits what callbacks and completions of this turn have made due.
    mutating func submitDue(on engine: inout some Engine & ~Copyable, _ calls: borrowing some SocketCalls & ~Copyable) {
        while let slot = takeDue() {
            switch slot.pointee.phase {
            case .open: submitOpen(slot, on: &engine, calls)
            case .closing: submitClosing(slot, on: &engine, calls)
            case .releasing: submitReleasing(slot, on: &engine, calls)
            case .resetting, .outlived: disconnect(slot, on: &engine, calls)
            case .free, .checking, .lingering: assertionFailure("nothing is due in this phase")
            }
            slot.assertSound()
        }
    }

    @inline(__always)
    private mutating func submitClosing(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard !slot.pointee.isBroken else {
            breakOff(slot, on: &engine, calls)
            return
        }
        let clientsSpeak = clientsSpeakUntil > now
        if slot.pointee.receiving.isArmed {
            startDeadline(slot)
            cancelReceive(slot, on: &engine)
            sendNext(slot, on: &engine)
        } else if slot.pointee.isSending {
            startDeadline(slot)
        } else if slot.hasOnlyInlineBytes && !clientsSpeak {
            sendAndCheck(slot, on: &engine)
        } else if !slot.hasNothingToSend {
            startDeadline(slot)
            sendNext(slot, on: &engine)
        } else if clientsSpeak {
            linger(slot, on: &engine, calls)
        } else {
            check(slot, on: &engine)
        }
    }

    private mutating func submitReleasing(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        if slot.pointee.isBroken {
            breakOff(slot, on: &engine, calls)
        } else if slot.hasNothingToSend && !slot.pointee.receiving.isArmed {
            finishOutputIfDue(slot, on: &engine, calls)
            handOut(slot)
        } else {
            startDeadline(slot)
            cancelReceive(slot, on: &engine)
            sendNext(slot, on: &engine)
        }
    }

    /// The close limit of a connection has passed.
    mutating func expire(_ slot: Slot) {
        counters.pointee.expired += 1
        slot.pointee.closeCause.note(.expired)
        reset(slot)
    }
}

// What is submitted.
extension ConnectionTable {
    /// The usual end of a short connection: two operations, one completion, no waiting.
    ///
    /// A fresh socket takes a few bytes at once, and an immediate send that does not succeed complains before the check
    /// behind it completes. So the check's completion tells how both went, and the bytes need stay no longer than that.
    ///
    /// With a crowd waiting, the bytes are held back until the close, a turn later, and leave in one segment with the end
    /// of the stream: a third less work for the kernel. Without a crowd they leave at once.
    @inline(__always)
    private mutating func sendAndCheck(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        slot.pointee.silentSendInFlight = true
        let send = Operation.send(descriptor: slot.pointee.descriptor, bytes: slot.nextBytes, finalSendMode)
        engine.submit(send, token: slot.token(.send), silently: true)
        check(slot, on: &engine)
    }

    /// One send is in flight at a time, so that bytes arrive in order.
    mutating func sendNext(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        guard !slot.pointee.isSending, !slot.hasNothingToSend else { return }
        slot.pointee.isSending = true
        let bytes = slot.hasScatteredBytes ? slot.gatherBytes(&pool) : slot.nextBytes
        engine.submit(.send(descriptor: slot.pointee.descriptor, bytes: bytes, .waiting), token: slot.token(.send))
    }

    /// Throws away what the client said and nobody read: closing over it would reset the connection.
    @inline(__always)
    private mutating func check(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        slot.pointee.phase = .checking
        discardInput(slot, .immediate, on: &engine)
    }

    private mutating func linger(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        startDeadline(slot)
        slot.pointee.phase = .lingering
        calls.finishOutput(of: slot.pointee.descriptor)
        discardInput(slot, .waiting, on: &engine)
    }

    @inline(__always)
    mutating func discardInput(
        _ slot: Slot,
        _ mode: Operation.DiscardMode,
        on engine: inout some Engine & ~Copyable
    ) {
        slot.pointee.isDiscarding = true
        let descriptor = slot.pointee.descriptor
        let discard: Operation =
            slot.pointee.isPlainTCP
            ? .discardInput(descriptor: descriptor, mode) : .discardByReading(descriptor: descriptor, mode)
        engine.submit(discard, token: slot.token(.discardInput))
    }

    /// Closes a connection to which the kernel owes nothing, and frees its slot.
    @inline(__always)
    private mutating func close(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        submitClose(slot, on: &engine, calls)
        free(slot)
    }

    @inline(__always)
    private mutating func submitClose(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        let descriptor = slot.pointee.descriptor
        if closesWait { calls.forgetLinger(of: descriptor) }
        engine.submit(.close(descriptor: descriptor), token: slot.token(.close), silently: true)
        slot.pointee.descriptor = -1
        freedDescriptor.note()
    }

    /// A send has failed. Where the peer is not gone already, a reset tells it that something is missing.
    @inline(never)
    private mutating func breakOff(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        slot.pointee.phase = .resetting
        disconnect(slot, on: &engine, calls)
    }

    /// Resets a connection whatever is in flight on it; the kernel ends that, and then the slot is free.
    private mutating func disconnect(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        removeDeadline(slot)
        forgetReceiver(slot)
        slot.pointee.silentSendInFlight = false
        if slot.pointee.isSending {
            engine.submit(.cancel(slot.token(.send)), token: slot.token(.cancel), silently: true)
        }
        if slot.pointee.isDiscarding {
            engine.submit(.cancel(slot.token(.discardInput)), token: slot.token(.cancel), silently: true)
        }
        cancelReceive(slot, on: &engine)
        let disconnect = Operation.disconnect(descriptor: slot.pointee.descriptor)
        engine.submit(disconnect, token: slot.token(.disconnect), silently: true)
        submitClose(slot, on: &engine, calls)
        freeIfDisconnected(slot)
    }

    /// Frees a slot in reset, or retires one that is outlived, once its disconnection has been submitted and nothing is in flight.
    mutating func freeIfDisconnected(_ slot: Slot) {
        guard
            !slot.pointee.isDue && !slot.pointee.isSending && !slot.pointee.isDiscarding
                && !slot.pointee.receiving.isArmed
        else { return }
        if slot.pointee.phase == .outlived {
            retireOutlived(slot)
        } else {
            slot.consumeAll(&pool)
            free(slot)
        }
    }
}

// What completions mean.
extension ConnectionTable {
    /// A send is over: `result` bytes were taken, or it failed. Returns whose it was.
    @discardableResult
    mutating func completedSend(_ token: Token, _ result: Int32) -> Slot? {
        guard let slot = slot(token) else { return nil }
        slot.assertSound()
        defer { slot.assertSound() }
        slot.pointee.isSending = false
        slot.forgetDescription(&pool)
        slot.pointee.silentSendInFlight = false
        if result > 0 {
            slot.consume(Int(result), &pool)
            slot.pointee.clocks.noteSent(now)
        } else if result != -EAGAIN && result != -EINTR && !isWantOfMemory(result) {
            slot.consumeAll(&pool)
            slot.pointee.isBroken = true
            slot.pointee.closeCause.note(.lost, errno: result == 0 ? EPIPE : -result)
        }
        switch slot.pointee.phase {
        case .resetting, .outlived: freeIfDisconnected(slot)
        case .open where slot.pointee.isBroken && slot.pointee.isKept: lose(slot)
        case .open, .closing, .releasing: if isWantOfMemory(result) { noteRefused(slot) } else { markDue(slot) }
        // The check that follows an immediate send settles both.
        case .checking, .lingering, .free: break
        }
        return slot
    }

    /// Input was thrown away: `result` bytes, 0 at the end of the client's stream, or an error.
    mutating func completedDiscard(
        _ token: Token,
        _ result: Int32,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard let slot = slot(token) else { return }
        slot.assertSound()
        defer { slot.assertSound() }
        slot.pointee.isDiscarding = false
        switch slot.pointee.phase {
        case .checking: checked(slot, result, on: &engine, calls)
        case .lingering where result > 0:
            noteSpeakingClient()
            discardInput(slot, .waiting, on: &engine)
        case .lingering where result == -EINTR: discardInput(slot, .waiting, on: &engine)
        case .lingering where result == -ENOMEM: noteRefused(slot)
        case .lingering: close(slot, on: &engine, calls)
        case .resetting, .outlived: freeIfDisconnected(slot)
        case .free, .open, .closing, .releasing: assertionFailure("nothing is discarded in this phase")
        }
    }

    @inline(__always)
    private mutating func checked(
        _ slot: Slot,
        _ result: Int32,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        if slot.pointee.silentSendInFlight {
            slot.pointee.silentSendInFlight = false
            slot.forgetInlineBytes()
        }
        let clientSpoke = result > 0
        if clientSpoke { noteSpeakingClient() }
        if slot.pointee.isBroken {
            breakOff(slot, on: &engine, calls)
        } else if !slot.hasNothingToSend {
            slot.pointee.phase = .closing
            startDeadline(slot)
            sendNext(slot, on: &engine)
        } else if clientSpoke {
            linger(slot, on: &engine, calls)
        } else if result == -ENOMEM {
            // A check that was not made may have missed input.
            linger(slot, on: &engine, calls)
        } else {
            close(slot, on: &engine, calls)
        }
    }

    /// Between a check and its close another client might speak, and would be reset; so for a second no close relies on a
    /// check. Clients whose close did not rely on one speak as well, and count: else one a second would be reset.
    @inline(never)
    private mutating func noteSpeakingClient() {
        clientsSpeakUntil = now + .seconds(1)
    }
}
