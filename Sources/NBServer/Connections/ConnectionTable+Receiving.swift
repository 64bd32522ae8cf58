internal import NBEngine
internal import NBLibc

// What connections receive for their workers: what is submitted, and what its completions mean. `WorkerCalls` gives the workers what arrives.
extension ConnectionTable {
    /// Submits what a connection that is in use wants to send and to receive.
    @inline(never)
    mutating func submitOpen(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        sendNext(slot, on: &engine)
        finishOutputIfDue(slot, calls)
        guard slot.pointee.hasWorker else { return watch(slot, on: &engine, calls) }
        if slot.pointee.receiving.isReady || slot.pointee.receiving.isNew {
            noteReady(slot)
        } else if slot.wantsInput || slot.restsWithoutInput {
            receive(slot, on: &engine, calls)
        } else if slot.pointee.receiving.isMultishot {
            slot.pointee.receiving.isSteady = false
            cancelReceive(slot, on: &engine)
        }
    }

    /// Ends the output of a connection that wants it, when everything is sent.
    func finishOutputIfDue(_ slot: Slot, _ calls: borrowing some SocketCalls & ~Copyable) {
        guard slot.pointee.finishesOutput && !slot.pointee.hasFinishedOutput && slot.hasNothingToSend else { return }
        slot.pointee.hasFinishedOutput = true
        calls.finishOutput(of: slot.pointee.descriptor)
    }

    private mutating func receive(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard !slot.pointee.isReceiving else { return }
        let error = engine.features.receives ? engine.openReceiveBuffers() : EOPNOTSUPP
        guard error == 0 else {
            slot.pointee.closeCause.note(.lost, errno: error)
            return reset(slot)
        }
        // A worker that answers once and closes has no receive to cancel.
        submitReceive(
            slot,
            isMultishot: slot.pointee.receiving.isSteady && engine.features.receivesMultishot,
            on: &engine,
            calls
        )
    }

    /// Has a kept connection that is watched receive, since a receive tells of the end of the peer. What the peer says before is kept, up to
    /// one buffer: then its end is not looked for any more.
    private mutating func watch(
        _ slot: Slot,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard slot.pointee.isWatched, slot.pointee.isKept, !slot.pointee.isReceiving, slot.pointee.input == nil,
            engine.features.receives
        else { return }
        guard !slot.pointee.receiving.hasEnded, engine.openReceiveBuffers() == 0 else { return lose(slot) }
        submitReceive(slot, isMultishot: false, on: &engine, calls)
    }

    private mutating func submitReceive(
        _ slot: Slot,
        isMultishot: Bool,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        slot.pointee.state.begin(.receive)
        slot.pointee.receiving.isMultishot = isMultishot
        slot.pointee.receiving.isCancelled = false
        // A peer that was sent something has yet to answer.
        let receive = Operation.receive(
            descriptor: slot.pointee.descriptor,
            isMultishot ? .multishot : .oneShot,
            waitsFirst: slot.pointee.mayBeBehind || !expectsInput(slot, calls)
        )
        engine.submit(receive, token: slot.token(.receive))
    }

    @inline(__always)
    private mutating func expectsInput(_ slot: Slot, _ calls: borrowing some SocketCalls & ~Copyable) -> Bool {
        if forecast.isLookDue() { forecast.note(hasInput: calls.hasInput(slot.pointee.descriptor)) }
        return forecast.expectsInput
    }

    /// Ends a receive; what matters is how it ends.
    @inline(never)
    mutating func cancelReceive(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        guard slot.pointee.isReceiving, !slot.pointee.receiving.isCancelled else { return }
        slot.pointee.receiving.isCancelled = true
        cancel(slot, .receive, on: &engine)
    }

    /// A receive has completed. Does the part that no worker is needed for.
    mutating func completedReceive(_ slot: Slot, _ result: Int32, isLast: Bool) {
        if result == 0 { slot.pointee.receiving.hasEnded = true }
        guard isLast else { return }
        slot.pointee.receiving.isMultishot = false
        let action = slot.pointee.state.on(.received(.ofReceive(result)))
        if slot.pointee.phase == .open && result == -ENOBUFS {
            starved.append(slot.pointee.token)
        } else {
            settle(action, slot)
        }
    }

    /// Lets up to `count` connections that found no buffer receive again.
    mutating func feedStarved(_ count: Int) {
        var left = count
        while left > 0, let place = starved.popFirst() {
            guard let slot = slot(place), slot.pointee.phase == .open else { continue }
            // A connection that has asked again meanwhile receives already.
            if slot.wantsInput && !slot.pointee.isReceiving { left -= 1 }
            markDue(slot)
        }
    }

    /// A worker awaits something more.
    mutating func beginRun(_ slot: Slot) {
        slot.pointee.runCount += 1
        // A receive that goes on may have to end.
        markDue(slot)
    }

    /// A worker's rest is over: what is kept for it is looked at again, and more is received.
    mutating func endRest(_ slot: Slot) {
        guard slot.wantsInput || slot.pointee.receiving.hasEnded else { return }
        slot.pointee.receiving.isReady = slot.pointee.input != nil || slot.pointee.receiving.hasEnded
        slot.pointee.clocks?.pointee.receivingSince = now
        if let limit = slot.workerOptions.pointee.receiveTimeLimit { self.limit(slot, now + limit) }
        markDue(slot)
    }

    var hasStarved: Bool { !starved.isEmpty }

    /// The worker of this connection is to be called, since it has just got it, or since there may be something for it.
    mutating func noteReady(_ slot: Slot) {
        ready.append(slot.pointee.token)
    }

    /// Takes a connection whose worker may have something to get.
    mutating func takeReady() -> Slot? {
        while let token = ready.popFirst() {
            if let slot = slot(token), slot.pointee.phase == .open { return slot }
        }
        return nil
    }

    var hasReady: Bool { !ready.isEmpty }
}

// What was received and not delivered.
extension ConnectionTable {
    /// Keeps bytes until the worker wants them.
    mutating func keepInput(_ slot: Slot, _ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        let block = inputWithRoom(slot, for: bytes.count)
        (block.bytes + block.pointee.end).copyMemory(from: source, byteCount: bytes.count)
        block.pointee.end += bytes.count
    }

    private mutating func inputWithRoom(_ slot: Slot, for count: Int) -> UnsafeMutablePointer<ByteBlock> {
        guard let old = slot.pointee.input else {
            let block = pool.take(count)
            slot.pointee.input = block
            return block
        }
        if old.pointee.capacity - old.pointee.end >= count { return old }
        let held = old.pointee.end - old.pointee.start
        // Twice of what is needed, so that bytes are moved a few times only however many come.
        let new = held + count <= old.pointee.capacity / 2 ? old : pool.take(2 * (held + count))
        new.bytes.copyMemory(from: old.bytes + old.pointee.start, byteCount: held)
        new.pointee.start = 0
        new.pointee.end = held
        if new != old { pool.give(old) }
        slot.pointee.input = new
        return new
    }

    /// What is kept of a connection.
    func input(of slot: Slot) -> UnsafeRawBufferPointer {
        guard let block = slot.pointee.input else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let count = block.pointee.end - block.pointee.start
        return UnsafeRawBufferPointer(start: block.bytes + block.pointee.start, count: count)
    }

    /// Forgets the first of what is kept.
    mutating func consumeInput(_ slot: Slot, _ count: Int) {
        guard let block = slot.pointee.input else { return }
        block.pointee.start += count
        if block.pointee.start == block.pointee.end { forgetInput(slot) }
    }

    mutating func forgetInput(_ slot: Slot) {
        guard let block = slot.pointee.input else { return }
        slot.pointee.input = nil
        pool.give(block)
    }
}

extension ConnectionState.Outcome {
    /// What the result of a receive says of its connection. Without a buffer, cancelled or interrupted, nothing.
    fileprivate static func ofReceive(_ result: Int32) -> Self {
        switch -result {
        case ENOMEM: .refused
        case ...0, ECANCELED, EAGAIN, EINTR, ENOBUFS: .done
        default: .failed
        }
    }
}
