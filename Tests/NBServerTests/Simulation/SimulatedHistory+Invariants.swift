import Glibc

@testable import NBServer
@testable import Uring

// What must hold whatever happens. The kernel has its own list: see where it calls `violate`.
extension SimulatedHistory {
    /// At every wait, with everything submitted carried out.
    func checkStep(_ deadline: Instant?) {
        checkCounters()
        checkThatTimeMoves(deadline)
        if !kernel.isStopping { for listener in kernel.listeners { checkHearing(listener, deadline) } }
    }

    /// A time to wake up at that has come is another one the next time, unless something was submitted: two connections may be
    /// given the same time one after the other. Else the loop spins.
    private func checkThatTimeMoves(_ deadline: Instant?) {
        let isPast = kernel.hasNothingToTake && deadline.map { $0 <= kernel.now } == true
        let isIdle = kernel.submissionCount == lastSubmissionCount
        if isPast && isIdle && deadline == lastDeadline { violate("the loop spins on a time that has passed") }
        lastDeadline = isPast ? deadline : nil
        lastSubmissionCount = kernel.submissionCount
    }

    private func checkCounters() {
        guard let counters = counters?.pointee else { return }
        let accepted = kernel.acceptedCount - kernel.queuedConnections
        if counters.accepted != accepted {
            violate(
                "\(accepted) connections were seen, \(counters.delivered) delivered and \(counters.discarded) discarded"
            )
        }
        if counters.delivered != deliveries.count {
            violate("\(counters.delivered) connections counted as delivered, \(deliveries.count) were")
        }
        if counters.shed > kernel.refusedReserves { violate("\(counters.shed) shed, although there was room") }
        if !kernel.isStopping && counters.discarded > counters.shed + UInt64(kernel.staleCount) {
            violate("\(counters.discarded) connections discarded while serving")
        }
    }

    /// A listener is armed, or parked with a wake-up and said so, or said to be down.
    private func checkHearing(_ listener: SimulatedListener, _ deadline: Instant?) {
        guard listener.arm == nil, !listener.isEndQueued, !listener.isDown else { return }
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
        if listener.wantsDescriptor && kernel.hasFreedDescriptor {
            violate("\(name) is parked over a freed descriptor")
        }
    }

    func checkFailure(_ error: ServerError) {
        switch error.code {
        // The last listener went down; everything else must be in order all the same.
        case .listenerDown: break
        case .outOfResources where options.exhaustion == .stop: break
        case .beginFailed where turns == 0: break
        default: violate("the loop failed: \(error)")
        }
    }

    /// When the loop has ended.
    func checkEnd() {
        if turns > 0 && ends != 1 { violate("terminate ran \(ends) times") }
        if turns > 0 { for leftover in kernel.leftovers { violate("at the end \(leftover)") } }
        checkCounters()
        for (number, delivery) in deliveries.enumerated() {
            let (sent, received) = (delivery.sent, delivery.socket.received)
            if !sent.starts(with: received) { violate("connection \(number) received what it was not sent") }
            if sent.count != received.count && !delivery.socket.isReset {
                violate("connection \(number) lost bytes without a reset")
            }
        }
    }
}
