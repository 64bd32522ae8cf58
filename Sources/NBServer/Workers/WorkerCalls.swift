internal import NBEngine
internal import NBLibc

/// Calls workers: with what their connections' completions bring, with messages, and with the end.
///
/// Part of the loop; loop's thread only.
struct WorkerCalls {
    typealias Slot = ConnectionTable.Slot

    private let state: UnsafeMutablePointer<LoopState>
    // The state's own. Not a `let`: writing through one crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    private var connections: UnsafeMutablePointer<ConnectionTable>
    private var counters: UnsafeMutablePointer<ServerCounters>
    private let bufferCount: Int
    private let bufferSize: Int
    /// How many receive buffers were given back in this turn.
    private var returnedBuffers = 0
    /// Receive buffers that the kernel did not take back.
    private var unreturnedBuffers: [UInt16] = []

    init(_ state: UnsafeMutablePointer<LoopState>) {
        self.state = state
        connections = state.pointee.connections
        counters = state.pointee.counters
        bufferCount = state.pointee.options.receiveBufferCount
        bufferSize = state.pointee.options.receiveBufferSize
        // A callback's messages to workers need no mailbox.
        state.pointee.behavior.mailbox.loop = state
    }
}

// What completions of connections mean for workers.
extension WorkerCalls {
    /// A receive has completed, with bytes, with the end of the stream, or with an error.
    // Out of line, as `completedSend` and `serveReady` are: inlined, they would cost a turn without workers instructions.
    @inline(never)
    mutating func completedReceive(_ completion: Completion, on engine: inout some Engine & ~Copyable) {
        let slot = connections.pointee.slot(completion.token)
        if let slot {
            slot.assertSound()
            connections.pointee.completedReceive(slot, completion.result, isLast: completion.isLast)
        }
        if let buffer = completion.buffer {
            // The end of the stream may come with a buffer too, and is not input.
            if let slot, completion.result > 0, let bytes = engine.received(completion) {
                counters.pointee.bytesReceived &+= UInt64(bytes.count)
                arrived(slot, bytes)
                if slot.pointee.phase == .open { connections.pointee.hear(slot, bytes.count) }
            }
            engine.returnBuffer(buffer)
            returnedBuffers += 1
        }
        if let slot, slot.pointee.phase == .open { ended(slot, completion.result) }
    }

    @inline(__always)
    private mutating func arrived(_ slot: Slot, _ bytes: UnsafeRawBufferPointer) {
        switch slot.pointee.phase {
        case .open where !slot.pointee.hasWorker || slot.pointee.receiving.isNew:
            // For a receive that was begun before there was a worker, or before it was told.
            connections.pointee.keepInput(slot, bytes)
            slot.pointee.receiving.isReady = slot.pointee.hasWorker
        case .open:
            feed(slot, bytes)
            // The multishot receive is cancelled: it would fill memory with input that the worker did not ask for.
            if slot.pointee.receiving.isMultishot && !slot.wantsInput && slot.pointee.phase == .open {
                connections.pointee.markDue(slot)
            }
        // Unread input of a detached connection goes with its descriptor.
        case .detaching: connections.pointee.keepInput(slot, bytes)
        case .free, .closing, .lingering, .draining, .resetting, .outlived: break
        }
    }

    /// Looks whether a connection has ended with a receive.
    @inline(__always)
    private mutating func ended(_ slot: Slot, _ result: Int32) {
        guard result <= 0 else { return }
        switch -result {
        case 0:
            guard slot.pointee.hasWorker else { return peerEnded(slot) }
            guard !slot.pointee.receiving.isNew else {
                slot.pointee.receiving.isReady = true
                return
            }
            feedInput(slot)
            if slot.pointee.phase == .open { connections.pointee.hear(slot, .max) }
        // They say nothing of the connection; it asks again.
        case ECANCELED, EAGAIN, EINTR, ENOBUFS, ENOMEM: break
        case let errno:
            guard slot.pointee.hasWorker else { return peerEnded(slot) }
            slot.pointee.closeCause.note(.lost, errno: errno)
            connections.pointee.drop(slot)
        }
    }

    /// The peer of a connection that is or was watched has ended its side, or reset it. One that is in use is looked at when it is kept again.
    private mutating func peerEnded(_ slot: Slot) {
        if slot.pointee.isKept { connections.pointee.lose(slot) }
    }

    /// A send has completed.
    @inline(never)
    mutating func completedSend(_ token: Token, _ result: Int32) {
        guard let slot = connections.pointee.completedSend(token, result), slot.pointee.hasWorker else { return }
        if slot.pointee.phase == .open { callConnected(slot) }
        if slot.pointee.isCongested { tellRoom(slot) }
        if slot.pointee.phase == .open && slot.hasNothingToSend && slot.pointee.awaitsSends {
            callWorker(slot) { try $0.sent($1, $2) }
        }
    }

    /// The engine has carried out everything, and the batch has every completion: bytes that were sent at once are sent, but for those of a
    /// completion. Before any callback, so that each finds its queue as it is.
    @inline(never)
    mutating func concludeSends(_ batch: borrowing CompletionBatch) {
        for index in 0..<batch.count where batch[index].token.kind == TokenKind.send.rawValue {
            if let slot = connections.pointee.slot(batch[index].token) { connections.pointee.noteShortSend(slot) }
        }
        while let slot = connections.pointee.concludeNextSend() {
            if slot.pointee.isCongested { tellRoom(slot) }
        }
    }

    /// Tells a worker that there is room again for what it sends, if there is.
    @inline(never)
    private mutating func tellRoom(_ slot: Slot) {
        let options = slot.workerOptions
        guard slot.pointee.phase == .open, slot.unsentByteCount <= options.pointee.sendLowWater else { return }
        let rested = slot.isResting
        slot.pointee.isCongested = false
        callWorker(slot) { try $0.becameWritable($1, $2) }
        if rested && slot.pointee.phase == .open { connections.pointee.endRest(slot) }
    }

    /// Calls the workers that have just got a connection or have asked for what may be there, and those whose connection has ended.
    ///
    /// - Parameter mayHoldBuffers: completions that were not acted on, or not taken, may hold receive buffers.
    @inline(__always)
    mutating func serve(mayHoldBuffers: Bool) {
        if connections.pointee.hasReady || connections.pointee.hasStarved { serveReady(mayHoldBuffers) }
        returnedBuffers = 0
        tellCloseNotices()
    }

    @inline(never)
    private mutating func serveReady(_ mayHoldBuffers: Bool) {
        while let slot = connections.pointee.takeReady() {
            callConnected(slot)
            if slot.pointee.phase == .open && slot.pointee.receiving.isReady { feedInput(slot) }
            // What it wants and has not got yet is to be received.
            if slot.pointee.phase == .open { connections.pointee.markDue(slot) }
        }
        if connections.pointee.hasStarved { feedStarved(mayHoldBuffers) }
    }

    /// Lets connections that found no buffer receive again, at most as many as there are free buffers. After a full batch, completions
    /// that are left may hold buffers, and only those returned in this turn are known to be free. Otherwise the kernel has all of them,
    /// including those that it got back in an earlier turn, before a receive ended for lack of one.
    private mutating func feedStarved(_ mayHoldBuffers: Bool) {
        let count = bufferCount - unreturnedBuffers.count
        connections.pointee.feedStarved(mayHoldBuffers ? min(returnedBuffers, count) : count)
    }

    /// Tells a worker that it has a connection, before it hears anything else.
    @inline(__always)
    mutating func callConnected(_ slot: Slot) {
        if slot.pointee.receiving.isNew { callNew(slot) }
    }

    @inline(never)
    private mutating func callNew(_ slot: Slot) {
        slot.pointee.receiving.isNew = false
        slot.pointee.receiving.isToFinish = state.pointee.drain?.hasBegun == true
        callWorker(slot) { try $0.connected($1, $2) }
    }

    /// Asks a worker to come to an end, when it awaits nothing.
    private mutating func finish(_ slot: Slot) {
        if slot.noteFinish(), slot.pointee.phase == .open { callWorker(slot) { try $0.shouldFinish($1, $2) } }
    }

    @inline(__always)
    mutating func tellCloseNotices() {
        if !connections.pointee.closeNotices.isEmpty { tellWaitingCloseNotices() }
    }

    @inline(never)
    private mutating func tellWaitingCloseNotices() {
        while let notice = connections.pointee.takeCloseNotice() {
            let reason = closeReason(notice)
            let place = WorkerPlace(state: state, slot: connections.pointee.ended(notice))
            state.pointee.runs.cancel(of: notice.connection)
            state.pointee.workers.table(notice.worker.table)._withUnsafeGuaranteedRef {
                $0.closed(notice.worker.index, reason, place)
            }
            if notice.isMonitored { state.pointee.tellLater(.workerEnded(notice.connection, reason)) }
        }
    }

    private func closeReason(_ notice: PendingCloseNotice) -> CloseReason {
        switch notice.cause.kind {
        case .closed: .closed
        case .frameCut: .frameCut(byteCount: Int(notice.cause.cutByteCount))
        case .reset: .reset
        case .detached: .detached
        case .failed: state.pointee.workers.errors.removeValue(forKey: notice.worker).map(CloseReason.failed) ?? .closed
        case .lost: .lost(errno: notice.cause.errno)
        case .frameTooLong: .frameTooLong
        case .queueTooLong: .queueTooLong
        case .expired: .expired
        case .none, .stopped: .stopped
        }
    }
}

// What a worker is given.
extension WorkerCalls {
    /// Gives a worker what has arrived, as far as it wants it, and keeps the rest.
    @inline(__always)
    private mutating func feed(_ slot: Slot, _ bytes: UnsafeRawBufferPointer) {
        slot.pointee.clocks?.pointee.idleSince = connections.pointee.now
        guard slot.pointee.input == nil else {
            connections.pointee.keepInput(slot, bytes)
            return feedInput(slot)
        }
        let count = deliverFrames(slot, bytes)
        if slot.pointee.receiving.credit != 0 { slot.pointee.receiving.isSteady = true }
        guard count < bytes.count, slot.pointee.phase == .open || slot.pointee.phase == .detaching else { return }
        connections.pointee.keepInput(slot, UnsafeRawBufferPointer(rebasing: bytes[count...]))
    }

    /// Gives a worker what is kept for it, then the end of the stream if that has come.
    private mutating func feedInput(_ slot: Slot) {
        let count = deliverFrames(slot, connections.pointee.input(of: slot))
        connections.pointee.consumeInput(slot, count)
        slot.pointee.receiving.isReady = false
        let receiving = slot.pointee.receiving
        guard slot.pointee.phase == .open, receiving.hasEnded, !receiving.hasToldEnd, receiving.credit != 0,
            !slot.isResting
        else { return }
        slot.pointee.receiving.hasToldEnd = true
        // Whatever is whole has been delivered.
        slot.pointee.receiving.cutByteCount = Int32(clamping: connections.pointee.input(of: slot).count)
        callWorker(slot) { try $0.inputEnded($1, $2) }
    }

    /// Cuts bytes into what is delivered at a time, and delivers as much as is asked for; returns how many bytes that took.
    private mutating func deliverFrames(_ slot: Slot, _ bytes: UnsafeRawBufferPointer) -> Int {
        var start = 0
        while start < bytes.count, slot.pointee.receiving.credit != 0, !slot.isResting, slot.pointee.phase == .open {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
            switch cut(slot, rest) {
            case .frame(let frame, let next):
                if slot.pointee.receiving.credit > 0 { slot.pointee.receiving.credit -= 1 }
                slot.pointee.receiving.wanted = 0
                slot.pointee.receiving.searched = 0
                slot.pointee.clocks?.pointee.receivingSince = connections.pointee.now
                start += next
                callWorker(slot) { try $0.received($1, UnsafeRawBufferPointer(rebasing: rest[frame]), $2) }
                if slot.pointee.receiving.isToFinish { finish(slot) }
            case .incomplete:
                if slot.pointee.receiving.wanted == 0 {
                    slot.pointee.receiving.searched = Int32(clamping: rest.count)
                }
                return start
            case .tooLong:
                slot.pointee.closeCause.note(.frameTooLong)
                connections.pointee.drop(slot)
            }
        }
        return start
    }

    @inline(__always)
    private func cut(_ slot: Slot, _ bytes: UnsafeRawBufferPointer) -> FrameCut {
        let wanted = slot.pointee.receiving.wanted
        if wanted > 0 { return FrameCut(bytes, exactly: Int(wanted)) }
        if slot.pointee.receiving.framing == .raw {
            // What was kept may be more; a worker that sends it back is to be asked now and then whether it likes more.
            let count = min(bytes.count, bufferSize)
            return .frame(0..<count, next: count)
        }
        let options = slot.workerOptions
        let cut = FrameCut(
            slot.pointee.receiving.framing,
            bytes,
            limit: options.pointee.frameLimit,
            searched: Int(slot.pointee.receiving.searched)
        )
        guard case .incomplete = cut, slot.pointee.receiving.hasEnded, slot.pointee.receiving.framing == .line,
            options.pointee.deliversUnterminatedLine
        else { return cut }
        return FrameCut(lastLine: bytes, limit: options.pointee.frameLimit)
    }

    /// Calls a worker. What it throws ends its connection, and no other.
    @inline(__always)
    mutating func callWorker(_ slot: Slot, _ body: (AnyWorkerTable, UInt32, WorkerPlace) throws -> Void) {
        let worker = slot.pointee.worker
        do {
            try state.pointee.workers.table(worker.table)._withUnsafeGuaranteedRef {
                try body($0, worker.index, WorkerPlace(state: state, slot: slot))
            }
        } catch {
            failed(slot, error)
        }
    }

    @inline(never)
    private mutating func failed(_ slot: Slot, _ error: any Error) {
        state.pointee.fail(slot, error)
    }
}

// Messages, drains and the end.
extension WorkerCalls {
    @inline(__always)
    mutating func deliverMail() {
        if state.pointee.hasWorkerMail { deliverWaitingMail() }
    }

    @inline(never)
    private mutating func deliverWaitingMail() {
        for mail in state.pointee.takeWorkerMail() {
            if let slot = connections.pointee.worker(mail.connection) { callConnected(slot) }
            if let slot = connections.pointee.worker(mail.connection) {
                callWorker(slot, mail.deliver)
            } else {
                state.pointee.note(.messageUndelivered(mail.connection))
            }
        }
    }

    /// Asks every worker to come to an end.
    mutating func finish() {
        for slot in connections.pointee.used where slot.pointee.hasWorker && slot.pointee.phase == .open {
            callConnected(slot)
            finish(slot)
        }
    }

    /// The server stops: so does every worker. Their connections are closed when the behavior has terminated.
    mutating func stop() {
        for slot in connections.pointee.used where slot.pointee.hasWorker {
            slot.pointee.closeCause.note(.stopped)
            connections.pointee.endWorker(slot)
        }
        tellCloseNotices()
    }
}

// Receive buffers that a kernel short of memory did not take back; see ``Shortage``.
extension WorkerCalls {
    /// The kernel has a receive buffer, or will have one before it looks for one.
    var hasBuffers: Bool { unreturnedBuffers.count < bufferCount }

    /// The return of a receive buffer has completed, where that takes an operation; returns whether it was refused.
    @inline(never)
    mutating func completedReturn(_ completion: Completion) -> Bool {
        guard completion.result < 0, let buffer = completion.token.returnedBuffer else { return false }
        unreturnedBuffers.append(buffer)
        return true
    }

    /// Gives back again what was refused.
    mutating func retryReturns(on engine: inout some Engine & ~Copyable) {
        let buffers = unreturnedBuffers
        unreturnedBuffers = []
        for buffer in buffers { engine.returnBuffer(buffer) }
    }
}

/// Something to be delivered to a worker, if it is still there by then.
///
/// Owned by the loop's state until the present callback has returned; loop's thread only.
struct WorkerMail {
    typealias Delivery = (AnyWorkerTable, UInt32, WorkerPlace) throws -> Void

    let connection: ConnectionID
    let deliver: Delivery
}
