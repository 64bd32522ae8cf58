import Glibc
import NBEngine

@testable import NBServer

// What must hold whatever happens. The kernel and the post have their own lists: see where they call `violate`.
extension SimulatedHistory {
    /// At every wait, with everything submitted carried out.
    func checkStep(_ deadline: Instant?) {
        checkCounters()
        checkThatTimeMoves(deadline)
        if !kernel.isStopping { for listener in kernel.listeners { checkHearing(listener, deadline) } }
        for listener in kernel.listeners { checkRest(listener) }
        checkRemovals()
        forgetUnableListeners()
        if turns % 8 == 0 { checkAddresses() }
        checkTiming(deadline)
        checkWorkers(deadline)
        checkDrain(deadline)
        checkLimits()
        checkWaitingCounts()
        checkSleep(deadline)
    }

    /// A time to wake up at that has come is another one the next time, unless something was done: two connections may be given
    /// the same time one after the other, and a turn may do what is not seen. Else the loop spins.
    private func checkThatTimeMoves(_ deadline: Instant?) {
        let isPast = kernel.hasNothingToTake && isDue(deadline)
        let progress = kernel.submissionCount + kernel.takenCount + callbacks + post.count
        let isSame = isPast && progress == lastProgress && deadline == lastDeadline
        vainTurns = isSame ? vainTurns + 1 : 0
        if vainTurns > 1 { violate("the loop spins on a time that has passed: \(reasonsToWake)") }
        lastDeadline = isPast ? deadline : nil
        lastProgress = progress
    }

    /// What may keep the loop awake, for people to read.
    private var reasonsToWake: String {
        guard let state else { return "it is over" }
        let table = state.pointee.connections
        return """
            starved \(table.pointee.starved.count), ready \(table.pointee.hasReady), unsettled \(table.pointee.hasDue), \
            refused \(table.pointee.hasRefused), first limit \(table.pointee.nextDeadline?.nanoseconds ?? 0), \
            park \(state.pointee.listeners.pointee.nextParkEnd?.nanoseconds ?? 0)
            """
    }

    private func isDue(_ deadline: Instant?) -> Bool {
        deadline.map { $0 <= kernel.now } == true
    }

    private func checkCounters() {
        guard let counters = state?.pointee.counters.pointee else { return }
        let accepted = kernel.acceptedCount - kernel.queuedConnections
        if counters.accepted != accepted {
            violate(
                "\(accepted) connections were seen, \(counters.delivered) delivered and \(counters.discarded) discarded"
            )
        }
        if counters.adopted != adoptions || counters.failed != throwCount {
            violate("\(adoptions) connections came from elsewhere, and \(throwCount) were thrown for: \(counters)")
        }
        if counters.delivered != deliveries.count {
            violate("\(counters.delivered) connections counted as delivered, \(deliveries.count) were")
        }
        if counters.delivered + counters.toldLastWord < state?.pointee.connections.pointee.count ?? 0 {
            violate("more connections are open than were delivered or told a last word: \(counters)")
        }
        if counters.shed > kernel.refusedReserves { violate("\(counters.shed) shed, although there was room") }
        if !kernel.isStopping { checkReasons(counters.discardedByReason) }
    }

    /// Nothing is discarded because the server stops while it serves, and no more for its other reasons than there was reason for.
    private func checkReasons(_ counts: AdmissionCounts) {
        let atEnds = counts[.removed] + counts[.draining]
        if counts[.stopping] > 0 || counts[.stale] > kernel.staleCount
            || atEnds > kernel.closingCount + orphanCount
        {
            violate("connections were discarded while serving: \(counts)")
        }
    }

    /// A listener is armed, or parked with a wake-up and said so, or said to be down; unless it rests or is to close.
    private func checkHearing(_ listener: SimulatedListener, _ deadline: Instant?) {
        guard listener.arm == nil, !listener.isEndQueued, !listener.isDown else { return }
        guard !listener.isPaused, !listener.isClosed, !waitsAtLimit(listener) else { return }
        let name = listener.descriptor
        guard let failure = listener.seenFailure else {
            violate("\(name) is deaf: its arm has ended and there is no other")
            return
        }
        guard let deadline, deadline <= failure.time + .seconds(1) else {
            violate("\(name) is deaf: it failed with \(failure.errno) and wakes up too late or never")
            return
        }
        if failure.time + .seconds(1) < kernel.now { violate("\(name) sleeps on") }
        if !listener.isTroubled { violate("\(name) is parked and nobody was told") }
        // The close may have left late, with what the kernel had no memory for.
        let looksAtOnce = deadline <= max(lastRetryTime ?? kernel.now, kernel.now)
        if listener.wantsDescriptor && kernel.hasFreedDescriptor && !looksAtOnce {
            violate("\(name) is parked over a freed descriptor")
        }
    }

    /// The accept of a listener that rests or is removed is cancelled by the next wait.
    private func checkRest(_ listener: SimulatedListener) {
        guard listener.isPaused || listener.isRemoved, let arm = listener.arm, !arm.isCancelled else { return }
        violate("\(listener.descriptor) accepts, and is to \(listener.isRemoved ? "close" : "rest")")
    }

    /// Whoever asks from outside where the server listens is told so.
    private func checkAddresses() {
        guard drain == nil, post.end == nil else { return }
        let actual = kernel.listeners.filter { !$0.isClosed && !$0.isRemoved }.map(\.address)
        let published = control.addresses.withLock { $0 }
        if Set(published) != Set(actual) || published.count != actual.count {
            violate("the server says that it listens on \(published), and does on \(actual)")
        }
    }

    /// Whoever waits for a listener's end hears of it at once.
    private func checkRemovals() {
        removals.removeAll(where: isOver)
        queueWaits.removeAll(where: isOver)
    }

    private func isOver(_ removal: Removal) -> Bool {
        if removal.call.pending.isSettled { return true }
        let isOver = removal.listener.map { kernel.listeners[$0].isClosed } ?? true
        if isOver { violate("a listener is gone, and the caller that waits for that has not heard") }
        return isOver
    }

    /// The loop wakes up for timers, and keeps nothing back that it has to say.
    private func checkTiming(_ deadline: Instant?) {
        guard post.end == nil else { return }
        if timing.expectsContinuation { violate("a step that was asked for does not come") }
        if let due = timing.earliest, !isSuspended, deadline.map({ $0 > max(due, kernel.now) }) ?? true {
            violate("the loop sleeps, and a timer is due before")
        }
        guard !isDue(deadline), kernel.hasNothingToTake else { return }
        let isUntold = kernel.listeners.contains { $0.isRemoved && $0.isClosed && !$0.isToldRemoved }
        if isUntold { violate("a listener is gone, and the behavior has not heard") }
        if state?.pointee.connections.pointee.hasLost == true {
            violate("a connection is lost, and the behavior has not heard")
        }
    }

    private func checkDrain(_ deadline: Instant?) {
        guard post.end == nil, let drain, kernel.hasNothingToTake else { return }
        if deadline.map({ $0 > max(drain.deadline, kernel.now) }) ?? true {
            violate("the loop sleeps longer than it drains")
        }
        guard !isDue(deadline) else { return }
        if !drain.isTold { violate("the server is to drain, and sleeps instead") }
        if kernel.listeners.allSatisfy(\.isClosed) && state?.pointee.connections.pointee.count == 0 {
            violate("the server is drained, and sleeps on")
        }
    }

    /// With whatever others have done by now: the loop waits only if there is nothing for it to do, or somebody has woken it.
    func checkSleep(_ deadline: Instant?) {
        noteWokenForPermit()
        let looksSoon = kernel.isWakeUpRefused && retriesSoon(deadline)
        let isAwaited = !isDue(deadline) && kernel.hasNothingToTake && !kernel.isAboutToWake && !looksSoon
        post.checkStep(isSuspended: isSuspended, isAwaited: isAwaited)
        guard isAwaited else { return }
        checkPatience(deadline)
        guard post.end == nil else { return }
        checkWaiting(deadline)
        checkKeptPeers(deadline)
        checkDepartures()
        if hasSignal { violate("a signal has come, and nothing wakes the loop") }
        if control.stopRequest.reason != nil { violate("the server is to stop, and nothing wakes the loop") }
        if !kernel.canBeWoken { violate("nothing can wake the loop") }
    }

    /// A kept connection that is watched has a receive in the kernel, until its peer has spoken.
    private func checkKeptPeers(_ deadline: Instant?) {
        for (id, number) in kept where watchedPeers.contains(id) {
            let socket = deliveries[number].socket
            let waitsForMemory = retriesSoon(deadline) && (socket.isReceiveRefused || kernel.buffers.areAllRefused)
            if socket.readCount == socket.deliveredCount && socket.receive == nil && !waitsForMemory {
                violate("connection \(number) is watched, and nothing notices that its peer leaves")
            }
        }
    }

    /// A server that has stopped waits for its connections no longer than it was told to.
    private func checkPatience(_ deadline: Instant?) {
        guard let endOfPatience, endsConnections else { return }
        if deadline.map({ $0 > max(endOfPatience, kernel.now) }) ?? true {
            violate("the server has stopped, and waits too long for its connections to end")
        }
    }

    /// A server that was drained has ended its connections, or its time was up.
    func checkDrained(_ reason: StopReason) {
        guard case .drained(let unfinished) = reason else { return }
        guard let drain else { return violate("it has drained, and was not asked to") }
        // One that left and came back was delivered twice.
        let open = kernel.sockets.count { $0.map { $0.isDelivered && !$0.isToBeClosed && !$0.isHandedOut } ?? false }
        if unfinished < open { violate("\(open) connections have not ended, and \(unfinished) are counted") }
        guard unfinished > 0 || kernel.listeners.contains(where: { !$0.isClosed }) else {
            return kernel.tally.note(.drained)
        }
        if drain.deadline > kernel.now { violate("it has drained too early, with \(unfinished) connections") }
    }

    func checkReason(_ reason: StopReason) {
        if post.end.map({ "\($0)" }) != "\(reason)" { violate("it stopped for another reason than it says: \(reason)") }
    }

    func checkFailure(_ error: ServerError) {
        switch error.code {
        // The last listener went down; everything else must be in order all the same.
        case .listenerDown where drain == nil: break
        case .engineUnavailable where kernel.isLost: break
        case .outOfResources where options.whenExhausted == .stop: break
        case .beginFailed where turns == 0: break
        case .declined where turns == 0: break
        default: violate("the loop failed: \(error)")
        }
    }

    /// When the loop has ended.
    func checkEnd() {
        if turns > 0 && ends != 1 { violate("terminate ran \(ends) times") }
        post.checkEnd()
        for (call, _) in removals + queueWaits where !call.pending.isSettled {
            violate("nobody answers who wanted a listener removed")
        }
        checkEndOfWorkers()
        if untoldReceivers != 0 { violate("\(untoldReceivers) receivers of connections were told nothing") }
        if !kernel.isLost { checkConnections() }
    }

    private func checkConnections() {
        if turns > 0 { for leftover in kernel.leftovers { violate("at the end \(leftover)") } }
        checkCounters()
        for (number, delivery) in deliveries.enumerated() {
            let (sent, received) = (delivery.socket.sent, delivery.socket.received)
            if !sent.starts(with: received) { violate("connection \(number) received what it was not sent") }
            if sent.count != received.count && !delivery.socket.isReset {
                violate("connection \(number) lost bytes without a reset")
            }
        }
    }
}
