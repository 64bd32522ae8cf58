import NBEngine

@testable import NBServer

// Limits, which the server shares with other loops.
extension SimulatedHistory {
    var admission: Admission? { limits?.admission }

    /// An operator changes the limits, or the other loop does something.
    func actOnLimits() {
        guard let limits else { return }
        if kernel.random.chance(150) {
            kernel.tally.note(.changedLimits)
            let words = limits.change(&kernel.random)
            kernel.note("the limits become \(words)")
        } else {
            let count = kernel.random.below(3)
            limits.settleOther(needing: count)
            kernel.note("another loop needs \(count) permits and has \(limits.other?.inHand ?? 0)")
        }
    }

    func note(_ address: SocketAddress, isAtLimit: Bool) {
        // Also one that is closed, if that is said later; another may listen there by now.
        let known = kernel.listeners.indices.filter {
            let listener = kernel.listeners[$0]
            return listener.address == address && !listener.isToldRemoved && (listener.isRemoved || !listener.isClosed)
        }
        guard let index = known.first(where: { kernel.listeners[$0].isAtLimit != isAtLimit }) else {
            if !known.isEmpty { violate("\(address) is said twice to be at a limit: \(isAtLimit)") }
            return
        }
        kernel.listeners[index].isAtLimit = isAtLimit
    }

    private var loopCount: Int { limits?.loopCount ?? 1 }

    private var desk: UnsafeMutablePointer<AdmissionDesk>? { state?.pointee.desk }

    /// At any moment.
    func checkLimits() {
        guard let limits, !kernel.isLost else { return }
        limits.violations().forEach(violate)
    }

    /// A connection is delivered that came by a listener.
    func checkAdmitted(_ socket: SimulatedSocket) {
        guard let limits else { return }
        // A change is known to a loop from when it has acted on the completions of that turn.
        let knowsRate = desk.map { $0.pointee.limits.rate == limits.admission.limits.rate } ?? true
        limits.violations(ofLettingIn: socket, at: kernel.now, knowsRate: knowsRate).forEach(violate)
    }

    /// What is said of those that wait.
    func checkWaitingCounts() {
        guard let desk, let counters = state?.pointee.counters.pointee else { return }
        let waiting = desk.pointee.waiting
        if counters.waiting != waiting.count {
            violate("\(counters.waiting) are said to wait, and \(waiting.count) do")
        }
        for listener in kernel.listeners {
            let count = waitingCount(of: listener)
            guard count > 2 * kernel.features.quantum + 1 else { continue }
            violate("\(count) connections of a listener wait, with a quantum of \(kernel.features.quantum)")
        }
        if !waiting.isEmpty { kernel.tally.note(.waitedAtLimit) }
        if counters.overLimit > 0 { kernel.tally.note(.resetAtLimit) }
        if counters.overSourceLimit > 0 { kernel.tally.note(.resetForItsSource) }
        if counters.denied > 0 { kernel.tally.note(.denied) }
    }

    /// A listener is not armed as long as connections that it has accepted wait.
    func waitsAtLimit(_ listener: SimulatedListener) -> Bool { waitingCount(of: listener) > 0 }

    /// How many connections that a listener has accepted wait.
    func waitingCount(of listener: SimulatedListener) -> Int {
        guard let desk else { return 0 }
        return desk.pointee.waiting.count { waiting in
            guard let socket = kernel.sockets[Int(waiting.descriptor - SimulatedKernel.firstDescriptor)] else {
                return false
            }
            return socket.listener.map { kernel.listeners[$0].descriptor } == listener.descriptor
        }
    }

    /// A permit has come for a loop that waits.
    func noteWokenForPermit() {
        guard let desk, !desk.pointee.waiting.isEmpty, control.hasAdmissionNews else { return }
        kernel.tally.note(.wokenAtLimit)
    }

    /// With nothing left to do: no permit is free or in hand that a connection waits for.
    func checkWaiting(_ deadline: Instant?) {
        guard let desk, let limits else { return }
        let all = limits.admission.all
        let isPaced = limits.pace.rate != nil
        if desk.pointee.canDeliver { violate("the loop sleeps with permits in hand") }
        if desk.pointee.all.inHand > 0 && !isPaced { violate("the loop sleeps with permits in hand") }
        if !desk.pointee.waiting.isEmpty && desk.pointee.limits != limits.admission.limits {
            violate("connections wait at limits that have changed")
        }
        for waiting in desk.pointee.waiting {
            let (permits, bucket) = (waiting.account.pointee.permits, waiting.account.pointee.tokens.bucket)
            guard all.free + desk.pointee.all.inHand > 0, permits.counter.free + permits.inHand > 0 else { continue }
            guard isPaced || bucket.isLimited else {
                violate("\(waiting.descriptor) waits, and a permit is free")
                continue
            }
            checkDeadline(deadline, of: waiting, desk.pointee.limits)
        }
        // Of loops that are played, each is looked at when it sleeps.
        if limits.other != nil && all.free > 0 && all.hasSleeperInLine {
            violate("another loop waits, and a permit is free")
        }
    }

    /// A connection waits for nothing but a token. Each other loop may have used one late, and be promised the next.
    private func checkDeadline(_ deadline: Instant?, of waiting: AdmissionDesk.Waiting, _ limits: AdmissionLimits) {
        let rates = [limits.rate, limits.perListener.rate].compactMap(\.self)
        guard rates.allSatisfy({ $0.perSecond > 0 }) else { return }
        let longest = rates.map { Duration.nanoseconds(1_000_000_000 / $0.perSecond + 1) }.max() ?? .zero
        guard let deadline, deadline <= kernel.now + longest * 2 * loopCount else {
            let wait = deadline.map { "\(kernel.now.duration(to: $0))" } ?? "for ever"
            return violate("\(waiting.descriptor) waits for a token of \(rates), and the loop sleeps \(wait)")
        }
    }

    /// When the loop is gone.
    func checkPermits() {
        limits?.leave(kernel).forEach(violate)
    }
}
