internal import NBEngine
internal import NBLibc

// How connections end: ``ConnectionState`` says what is done, and here it is done. Every error of a connection is answered there.
extension ConnectionTable {
    /// Looks after connections that callbacks and completions of this turn have made due.
    mutating func submitDue(
        atMost limit: Int,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        var limit = limit
        while limit > 0, let slot = takeDue() {
            limit -= 1
            perform(slot.pointee.state.on(.due(slot.unsent)), slot, on: &engine, calls)
            slot.assertSound()
            if endings.isFull { endGroup(on: &engine, calls) }
        }
        if endings.count > 0 { endGroup(on: &engine, calls) }
    }

    @inline(__always)
    private mutating func perform(
        _ action: ConnectionState.Action,
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        switch action {
        case .finish: finish(slot, on: &engine, calls)
        case .serve: submitOpen(slot, on: &engine, calls)
        case .close: close(slot, on: &engine, calls)
        case .stopReceiving, .send, .hearOut, .stopHearing, .handOut, .disconnect, .none, .markDue, .retryLater, .free,
            .retire:
            performOther(action, slot, on: &engine, calls)
        }
    }

    /// What a short connection does not need.
    @inline(never)
    private mutating func performOther(
        _ action: ConnectionState.Action,
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        switch action {
        case .stopReceiving:
            // A receive ends when it is cancelled; a send waits for the peer.
            if slot.pointee.isSending { startDeadline(slot) }
            cancelReceive(slot, on: &engine)
        case .send:
            startDeadline(slot)
            cancelReceive(slot, on: &engine)
            sendNext(slot, on: &engine)
        case .hearOut: hearOut(slot, on: &engine)
        case .stopHearing: cancel(slot, .discardInput, on: &engine)
        case .handOut:
            finishOutputIfDue(slot, calls)
            handOut(slot)
        case .disconnect: disconnect(slot, on: &engine, calls)
        case .finish, .serve, .close: assertionFailure("done before")
        case .none, .markDue, .retryLater, .free, .retire: settle(action, slot)
        }
    }

    /// Does what takes no operation and no call.
    @inline(__always)
    mutating func settle(_ action: ConnectionState.Action, _ slot: Slot) {
        switch action {
        case .none: break
        case .markDue: markDue(slot)
        case .retryLater: refused.append(slot.pointee.token)
        case .free:
            slot.consumeAll(&pool)
            free(slot)
        case .retire: retireOutlived(slot)
        case .serve, .stopReceiving, .send, .finish, .hearOut, .stopHearing, .handOut, .disconnect, .close:
            assertionFailure("\(action) takes the engine")
        }
    }

    /// A limit on the connection's end has passed.
    mutating func expire(_ slot: Slot) {
        counters.pointee.expired += 1
        slot.pointee.closeCause.note(.expired)
        reset(slot)
    }
}

// What is done.
extension ConnectionTable {
    /// Ends a connection on which nothing is in flight: sends its last bytes, and leaves the rest to its group.
    @inline(__always)
    private mutating func finish(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        if let obstacle = sendLastBytes(slot, calls) {
            perform(slot.pointee.state.on(.finished(obstacle)), slot, on: &engine, calls)
        } else {
            endings.append(slot)
        }
    }

    /// Sends the last bytes, which the kernel holds back for the end of the stream. Returns what stands in the way, if something does: nothing
    /// says that the stream has ended before all of the bytes are known to be taken.
    ///
    /// By calls that do not block: for a small send they cost no more than an operation, and they answer at once.
    @inline(__always)
    private mutating func sendLastBytes(
        _ slot: Slot,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) -> ConnectionState.Finish? {
        if slot.unsentByteCount > Self.surelyLeaves { slot.pointee.mayBeBehind = true }
        while !slot.hasNothingToSend {
            let bytes = slot.bytesToSend(&pool)
            let result = calls.sendLast(bytes, on: slot.pointee.descriptor)
            slot.forgetDescription(&pool)
            guard result == bytes.count else { return sendFellShort(slot, result) }
            counters.pointee.bytesSent &+= UInt64(bytes.count)
            slot.consume(bytes.count, &pool)
        }
        return nil
    }

    /// How many bytes leave at once on a connection on which nothing was sent before: fewer than any peer's first window.
    private static var surelyLeaves: Int { 512 }

    @inline(never)
    private mutating func sendFellShort(_ slot: Slot, _ result: Int32) -> ConnectionState.Finish {
        slot.pointee.mayBeBehind = true
        let outcome = note(slot, sent: result)
        return outcome == .done ? .short : outcome == .refused ? .refused : .failed
    }

    /// Keeps account of what a send has come to.
    @inline(__always)
    private mutating func note(_ slot: Slot, sent result: Int32) -> ConnectionState.Outcome {
        guard result > 0 else { return noteFailedSend(slot, result) }
        counters.pointee.bytesSent &+= UInt64(UInt32(bitPattern: result))
        slot.consume(Int(result), &pool)
        slot.pointee.clocks?.pointee.noteSent(now)
        return .done
    }

    @inline(never)
    private mutating func noteFailedSend(_ slot: Slot, _ result: Int32) -> ConnectionState.Outcome {
        switch result {
        case -EAGAIN, -EINTR: return .done
        case -ENOMEM, -ENOBUFS: return .refused
        default:
            slot.consumeAll(&pool)
            slot.pointee.closeCause.note(.lost, errno: result == 0 ? EPIPE : -result)
            return .failed
        }
    }

    /// One send is in flight at a time, so that bytes arrive in order.
    mutating func sendNext(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        guard !slot.pointee.isSending, !slot.hasNothingToSend else { return }
        slot.pointee.state.begin(.send)
        slot.pointee.mayBeBehind = true
        let bytes = slot.bytesToSend(&pool)
        let descriptor = slot.pointee.descriptor
        if engine.features.sendsAtOnce && maySendAtOnce(bytes, on: slot) {
            let isSent = engine.sendAtOnce(bytes, to: descriptor, token: slot.token(.send))
            noteSentAtOnce(bytes.count, isSent: isSent, on: slot)
        } else {
            engine.submit(.send(descriptor: descriptor, bytes: bytes), token: slot.token(.send))
        }
    }

    mutating func hearOut(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        slot.pointee.state.begin(.discard)
        let descriptor = slot.pointee.descriptor
        let discard: Operation =
            slot.pointee.isPlainTCP
            ? .discardInput(descriptor: descriptor) : .discardByReading(descriptor: descriptor)
        engine.submit(discard, token: slot.token(.discardInput))
    }

    /// Closes a connection on which nothing is in flight, and frees its slot.
    @inline(__always)
    private mutating func close(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        let descriptor = slot.pointee.descriptor
        if closesWait { calls.forgetLinger(of: descriptor) }
        engine.close(descriptor)
        freeClosed(slot)
    }

    @inline(__always)
    mutating func freeClosed(_ slot: Slot) {
        slot.pointee.descriptor = -1
        freedDescriptor.note()
        free(slot)
    }

    /// Resets a connection whatever is in flight on it; the kernel ends that, and then the slot is free. Operations, since the engine
    /// carries them out behind what it has been given and not carried out.
    private mutating func disconnect(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        removeDeadline(slot)
        failReceiver(slot)
        if slot.pointee.isSending { cancel(slot, .send, on: &engine) }
        if slot.pointee.state.inFlight.contains(.discard) { cancel(slot, .discardInput, on: &engine) }
        cancelReceive(slot, on: &engine)
        let descriptor = slot.pointee.descriptor
        engine.submit(.disconnect(descriptor: descriptor), token: slot.token(.disconnect), silently: true)
        if closesWait { calls.forgetLinger(of: descriptor) }
        engine.submit(.close(descriptor: descriptor), token: slot.token(.close), silently: true)
        slot.pointee.descriptor = -1
        freedDescriptor.note()
        settle(slot.pointee.state.on(.disconnected), slot)
    }

    func cancel(_ slot: Slot, _ kind: TokenKind, on engine: inout some Engine & ~Copyable) {
        let cancel = Operation.cancel(slot.token(kind), descriptor: slot.pointee.descriptor)
        engine.submit(cancel, token: slot.token(.cancel), silently: true)
    }
}

// What completions mean.
extension ConnectionTable {
    /// A send is over: `result` bytes were taken, or it failed. Returns whose it was.
    @inline(__always)
    @discardableResult
    mutating func completedSend(_ token: Token, _ result: Int32) -> Slot? {
        guard let slot = slot(token) else { return nil }
        slot.assertSound()
        defer { slot.assertSound() }
        slot.forgetDescription(&pool)
        noteShortSend(slot)
        let action = slot.pointee.state.on(.sent(note(slot, sent: result)))
        if slot.pointee.isKept && slot.pointee.state.isBroken {
            lose(slot)
        } else if action != .markDue || !slot.hasSentAll {
            settle(action, slot)
        }
        return slot
    }

    /// Input was thrown away: `result` bytes, 0 at the end of the peer's stream, or an error.
    mutating func completedDiscard(
        _ token: Token,
        _ result: Int32,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard let slot = slot(token) else { return }
        slot.assertSound()
        defer { slot.assertSound() }
        let isLingering = slot.pointee.phase == .lingering
        if isLingering && result > 0 { slot.pointee.clocks?.pointee.noteHeard(now) }
        let action = slot.pointee.state.on(.discarded(.ofDiscard(result)))
        if isLingering && action == .close { endLingering(slot) }
        perform(action, slot, on: &engine, calls)
    }
}

extension ConnectionState.Outcome {
    fileprivate static func ofDiscard(_ result: Int32) -> Self {
        switch result {
        case 1..., -EINTR: .done
        case -ENOMEM: .refused
        default: .ended
        }
    }
}
