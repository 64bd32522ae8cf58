internal import NBEngine

// What ends because nothing has happened for too long.
//
// That a limit has passed by the clock proves nothing: the loop itself may be late, because its process was stopped or a
// callback took long, and what the peer did in time waits in the kernel. So the connection is asked before it is ended, and
// what has arrived by then is received first. A connection is asked once for each time that a limit passes; therefore a peer
// that sends byte by byte, or a crowd that never ends, keeps no limit from passing.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    mutating func endTimeLimits() {
        while let slot = connections.pointee.takeExpired() {
            if slot.pointee.phase == .open {
                endWorkerLimits(slot)
            } else if slot.pointee.isEnding {
                endCloseLimit(slot)
            }
        }
    }

    /// What of a worker's limits may end something now.
    private enum Due {
        /// Whatever has passed.
        case all
        /// Of those on what is to be received, the ones that had passed by then: for these the peer was heard out.
        case by(Instant)
        /// None of those; they are looked at again then.
        case later(Instant)

        func includes(_ limit: TimeLimit, endedAt end: Instant) -> Bool {
            switch self {
            case .all: true
            case .by(let instant): limit == .send || end <= instant
            case .later: limit == .send
            }
        }
    }

    /// One of a worker's limits may have passed; those that have moved since are looked at later.
    private mutating func endWorkerLimits(_ slot: Slot) {
        connect(slot)
        guard slot.pointee.phase == .open else { return }
        let now = connections.pointee.now
        let options = state.pointee.workers.options(slot.pointee.worker.table)
        let due = hearOut(slot, options.pointee)
        for limit in [TimeLimit.send, .receive, .idle] {
            guard slot.pointee.phase == .open, let end = slot.end(of: limit, options.pointee), end <= now,
                due.includes(limit, endedAt: end)
            else { continue }
            slot.pointee.waits.restart(limit, now)
            work(slot) { try $0.timeout($1, limit, $2) }
        }
        guard slot.pointee.phase == .open else { return }
        if case .later(let instant) = due {
            connections.pointee.limit(slot, min(instant, slot.end(of: .send, options.pointee) ?? instant))
        } else if let next = slot.nextLimit(options.pointee) {
            connections.pointee.limit(slot, next)
        }
    }

    /// If a limit has passed, asks the kernel what the peer has done by now. If receives have yet to tell some of it, limits on
    /// what is received wait for that, or for as long again at the most.
    private mutating func hearOut(_ slot: Slot, _ options: WorkerOptions) -> Due {
        let now = connections.pointee.now
        guard let end = slot.nextLimit(options), end <= now else { return .all }
        let peer = calls.peerState(of: slot.pointee.descriptor)
        if !slot.hasNothingToSend { slot.pointee.waits.note(peer, hasUnsentBytes: true, now) }
        guard slot.pointee.receiving.wantsMore, let passed = slot.passedInputLimit(options, now) else { return .all }
        slot.pointee.waits.beginHearing(of: passed.end)
        switch slot.pointee.waits.hearing {
        case .heard: return .by(passed.end)
        case .waiting(_, let until): return until > now ? .later(until) : .by(passed.end)
        case .asked(let until): return hearOut(slot, peer, passed, until: until)
        case .notAsked: return hearOut(slot, peer, passed, until: now + passed.duration)
        }
    }

    private mutating func hearOut(
        _ slot: Slot,
        _ peer: PeerState,
        _ passed: (end: Instant, duration: Duration),
        until: Instant
    ) -> Due {
        let now = connections.pointee.now
        if hasCompletions && now < until {
            // They may be about bytes that the kernel does not count any more: it is asked again when they are taken.
            slot.pointee.waits.hearing = .asked(until: until)
            return .later(now.later(byNanoseconds: 1))
        }
        guard peer.untoldCount > 0 else { return .by(passed.end) }
        slot.pointee.waits.hearing = .waiting(peer.untoldCount, until: now + passed.duration)
        return .later(now + passed.duration)
    }

    /// A receive has told so much of what a limit may wait for.
    @inline(__always)
    mutating func hear(_ slot: Slot, _ count: Int) {
        if slot.pointee.waits.hearing != .notAsked { heard(slot, count) }
    }

    @inline(never)
    private mutating func heard(_ slot: Slot, _ count: Int) {
        if slot.pointee.waits.hear(count) { connections.pointee.limit(slot, connections.pointee.now) }
    }

    /// The close limit of a connection may have passed: its peer has taken nothing of what is left for so long.
    private mutating func endCloseLimit(_ slot: Slot) {
        let now = connections.pointee.now
        let peer = calls.peerState(of: slot.pointee.descriptor)
        slot.pointee.waits.note(peer, hasUnsentBytes: !slot.hasNothingToSend, now)
        let limit = closeLimit(slot)
        if slot.pointee.phase == .lingering && peer.hasEnded && slot.pointee.waits.hearing == .notAsked {
            // The discard that waits is about to complete.
            slot.pointee.waits.hearing = .waiting(1, until: now + limit)
            return connections.pointee.limit(slot, now + limit)
        }
        if slot.pointee.waits.sendingSince + limit <= now || hasPassed(endOfWholeClose(slot)) {
            connections.pointee.expire(slot)
        } else {
            let end = max(endOfWholeClose(slot), looksAgainUntil ?? now)
            connections.pointee.limit(slot, min(slot.pointee.waits.sendingSince + limit, end))
        }
    }

    /// What a worker allows its peer holds for what is left of that when the connection closes.
    private func closeLimit(_ slot: Slot) -> Duration {
        guard slot.pointee.hasWorker, !slot.hasNothingToSend else { return options.closeTimeLimit }
        return state.pointee.workers.options(slot.pointee.worker.table).pointee.sendTimeLimit ?? options.closeTimeLimit
    }

    private func endOfWholeClose(_ slot: Slot) -> Instant {
        guard let limit = options.wholeCloseTimeLimit else { return Instant(nanoseconds: .max) }
        return slot.pointee.waits.endingSince + limit
    }
}

// A loop that was late.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// A turn, or a wait, that takes so much longer than it should is late.
    static var lateness: Duration { .milliseconds(10) }

    /// The operations of a turn leave when its callbacks have returned. If these took long, the limits that began in the turn
    /// begin when they leave: no peer could answer before.
    mutating func noteTime() {
        let (before, now) = (connections.pointee.now, engine.now)
        connections.pointee.now = now
        if before.duration(to: now) > Self.lateness { connections.pointee.moveLimits(from: before) }
    }

    /// The wait is over. If it ended long after its deadline, what is due is looked at again before a timeout, a drain or a stop
    /// takes silence for an answer: until nothing more has completed, or for as long as the loop was late.
    mutating func noteWake(_ deadline: Instant?) {
        let now = connections.pointee.now
        let late = deadline.map { $0.duration(to: now) } ?? .zero
        if let end = looksAgainUntil {
            if !hasCompletions || end <= now { looksAgainUntil = nil }
        } else if late > Self.lateness {
            looksAgainUntil = now + late
        }
    }

    /// Whether a deadline of the server as a whole has come, and everything that came before it was looked at.
    func hasPassed(_ deadline: Instant?) -> Bool {
        let now = connections.pointee.now
        guard let deadline, looksAgainUntil ?? now <= now, !batch.hasRest else { return false }
        return deadline <= now
    }
}
