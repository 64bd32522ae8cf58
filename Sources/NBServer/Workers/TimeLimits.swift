internal import NBEngine

/// Ends what has gone on without progress for too long.
///
/// That a limit has passed by the clock proves nothing: the loop itself may be late, because its process was stopped or a
/// callback took long, and what the peer did in time waits in the kernel. So the connection is asked before it is ended, and
/// what has arrived by then is received first. A connection is asked once for each time that a limit passes; therefore a peer
/// that sends byte by byte, or a crowd that never ends, keeps no limit from passing.
///
/// Part of the loop; loop's thread only.
struct TimeLimits {
    private typealias Slot = ConnectionTable.Slot

    private let state: UnsafeMutablePointer<LoopState>
    // The state's own. Not a `let`: writing through one crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    private var connections: UnsafeMutablePointer<ConnectionTable>

    init(_ state: UnsafeMutablePointer<LoopState>) {
        self.state = state
        connections = state.pointee.connections
    }

    /// Ends what has passed its limit.
    ///
    /// - Parameters:
    ///   - workers: calls the workers whose limits have passed.
    ///   - hasCompletions: completions were not acted on.
    ///   - lateness: whether the loop was late.
    ///   - calls: tell what the peers have done by now.
    mutating func end(
        _ workers: inout WorkerCalls,
        hasCompletions: Bool,
        _ lateness: Lateness,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        while let slot = connections.pointee.takeExpired() {
            if slot.pointee.phase == .open {
                endWorkerLimits(slot, &workers, hasCompletions: hasCompletions, calls)
            } else if slot.pointee.isEnding {
                endCloseLimit(slot, lateness, calls)
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
    private mutating func endWorkerLimits(
        _ slot: Slot,
        _ workers: inout WorkerCalls,
        hasCompletions: Bool,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        workers.callConnected(slot)
        guard slot.pointee.phase == .open, let clocks = slot.pointee.clocks else { return }
        let now = connections.pointee.now
        let due = hearOut(slot, clocks, hasCompletions: hasCompletions, calls)
        for limit in [TimeLimit.send, .receive, .idle] {
            guard slot.pointee.phase == .open, let end = slot.end(of: limit), end <= now,
                due.includes(limit, endedAt: end)
            else { continue }
            clocks.pointee.restart(limit, now)
            workers.callWorker(slot) { try $0.timedOut($1, limit, $2) }
        }
        guard slot.pointee.phase == .open else { return }
        if case .later(let instant) = due {
            connections.pointee.limit(slot, min(instant, slot.end(of: .send) ?? instant))
        } else if let next = slot.nextLimit {
            connections.pointee.limit(slot, next)
        }
    }

    /// If a limit has passed, asks the kernel what the peer has done by now. If receives have yet to tell some of it, limits on
    /// what is received wait for that, or for as long again at the most.
    private mutating func hearOut(
        _ slot: Slot,
        _ clocks: UnsafeMutablePointer<LimitClocks>,
        hasCompletions: Bool,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) -> Due {
        let now = connections.pointee.now
        guard let end = slot.nextLimit, end <= now else { return .all }
        let peer = calls.peerState(of: slot.pointee.descriptor)
        if !slot.hasNothingToSend { clocks.pointee.note(peer, hasUnsentBytes: true, now) }
        guard slot.wantsInput, let passed = slot.passedInputLimit(at: now) else { return .all }
        clocks.pointee.beginHearing(of: passed.end)
        switch clocks.pointee.hearing {
        case .heard: return .by(passed.end)
        case .waiting(_, let until): return until > now ? .later(until) : .by(passed.end)
        case .asked(let until): return hearOut(clocks, peer, passed, until: until, hasCompletions: hasCompletions)
        case .notAsked:
            return hearOut(clocks, peer, passed, until: now + passed.duration, hasCompletions: hasCompletions)
        }
    }

    private mutating func hearOut(
        _ clocks: UnsafeMutablePointer<LimitClocks>,
        _ peer: PeerState,
        _ passed: (end: Instant, duration: Duration),
        until: Instant,
        hasCompletions: Bool
    ) -> Due {
        let now = connections.pointee.now
        if hasCompletions && now < until {
            // They may be about bytes that the kernel does not count any more: it is asked again when they are taken.
            clocks.pointee.hearing = .asked(until: until)
            return .later(now.later(byNanoseconds: 1))
        }
        guard peer.untoldCount > 0 else { return .by(passed.end) }
        clocks.pointee.hearing = .waiting(peer.untoldCount, until: now + passed.duration)
        return .later(now + passed.duration)
    }

    /// The close limit of a connection may have passed: its peer has taken nothing of what is left for so long.
    private mutating func endCloseLimit(
        _ slot: Slot,
        _ lateness: Lateness,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        guard let clocks = slot.pointee.clocks else { return }
        let now = connections.pointee.now
        let peer = calls.peerState(of: slot.pointee.descriptor)
        clocks.pointee.note(peer, hasUnsentBytes: !slot.hasNothingToSend, now)
        let limit = closeLimit(slot)
        if slot.pointee.phase == .draining && !peer.hasUntakenBytes {
            // The peer has everything. It need not end its side. That is looked at again, in a later turn, since the end may be refused.
            connections.pointee.markDue(slot)
            return connections.pointee.limit(slot, max(now + limit, now.later(byNanoseconds: 1)))
        }
        if slot.pointee.phase == .lingering && peer.hasEnded && clocks.pointee.hearing == .notAsked {
            // The discard that waits is about to complete.
            clocks.pointee.hearing = .waiting(1, until: now + limit)
            return connections.pointee.limit(slot, now + limit)
        }
        let whole = wholeLimit(slot, clocks.pointee)
        if clocks.pointee.sendingSince + limit <= now || lateness.hasPassed(whole, at: now) {
            connections.pointee.expire(slot)
        } else {
            let end = max(whole, lateness.looksAgainUntil ?? now)
            connections.pointee.limit(slot, min(clocks.pointee.sendingSince + limit, end))
        }
    }

    /// What a worker allows its peer holds for what is left of that when the connection closes.
    private func closeLimit(_ slot: Slot) -> Duration {
        guard slot.pointee.hasWorker, !slot.hasNothingToSend else { return state.pointee.options.closeTimeLimit }
        return slot.workerOptions.pointee.sendTimeLimit ?? state.pointee.options.closeTimeLimit
    }

    /// When the end has taken long enough in all.
    private func wholeLimit(_ slot: Slot, _ clocks: LimitClocks) -> Instant {
        let options = state.pointee.options
        let whole = options.wholeCloseTimeLimit.map { clocks.endingSince + $0 } ?? Instant(nanoseconds: .max)
        return slot.pointee.phase == .lingering ? min(whole, clocks.receivingSince + options.lingerTimeLimit) : whole
    }
}
