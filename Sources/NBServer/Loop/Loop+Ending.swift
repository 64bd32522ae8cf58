internal import NBEngine
internal import NBLibc

// How a loop comes to its end: a reason to stop, patience with connections, and a ring that is lost.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// There is a reason to stop; the first counts. No message is handled any more; the sender of one is told why.
    mutating func stop(_ reason: StopReason) {
        guard stopReason == nil else { return }
        stopReason = reason
        endOfPatience = connections.pointee.now + options.stopTimeLimit
        behavior.closeMailbox(reason)
    }

    /// A server that has stopped waits for its connections to end, but not for longer than it was told to: then it resets them.
    mutating func endPatience() {
        guard stopReason != nil else { return }
        if let limit = control.takePatience() {
            endOfPatience = .earlier(endOfPatience, connections.pointee.now + limit)
        }
        guard stage == .endingConnections, hasPassed(endOfPatience) else { return }
        for slot in connections.pointee.used where slot.pointee.isEnding { connections.pointee.expire(slot) }
        endOfPatience = nil
    }

    /// The loop cannot go on.
    mutating func fail(_ error: ServerError) {
        if failure == nil { failure = error }
        stop(.failed(error))
    }

    /// Makes every connection that is still open end; those the behavior dropped in `terminate` already do.
    mutating func closeConnections() {
        for slot in connections.pointee.used where slot.pointee.phase == .open {
            if slot.pointee.isKept { connections.pointee.drop(slot) } else { connections.pointee.orphan(slot) }
        }
        settleConnections()
    }

    mutating func terminate() {
        behavior.terminate(reasonOfTheEnd, ServerContext(state))
        // It may have given connections to workers, which end as the others did.
        stopWorkers()
        ledger.flush()
        ledger.close(reasonOfTheEnd)
        state.pointee.note(.terminated(reasonOfTheEnd))
        report()
    }

    /// The ring is lost: closes by hand what it served, what it was to close, and what it has accepted and not delivered.
    mutating func abandon() {
        listeners.pointee.closeAll()
        discardAccepted()
        for descriptor in engine.abandon() { NBLibc.close(descriptor) }
        stopWorkers()
        if stage < .endingConnections { terminate() }
        stage = .lost
        for slot in connections.pointee.used where slot.pointee.descriptor >= 0 {
            NBLibc.close(slot.pointee.descriptor)
            slot.pointee.descriptor = -1
        }
        disown()
    }

    /// A `Connection` value that still exists becomes an orphan, which any thread may drop. A connection that was to be handed out
    /// is closed instead, and its receiver is dropped.
    private mutating func disown() {
        for slot in connections.pointee.used {
            if slot.pointee.phase == .open && !slot.pointee.isKept { connections.pointee.orphan(slot) }
            connections.pointee.forgetReceiver(slot)
        }
        while connections.pointee.takeHandOut() != nil {}
    }

    private mutating func discardAccepted() {
        repeat {
            for index in batch.advance(by: .max) where batch[index].isAcceptedConnection {
                counters.pointee.discarded += 1
                NBLibc.close(batch[index].result)
            }
            batch.removeAll()
            engine.takeCompletions(into: &batch)
        } while batch.count > 0
    }
}

extension Completion {
    fileprivate var isAcceptedConnection: Bool {
        TokenKind(rawValue: token.kind) == .accept && result >= 0
    }
}
