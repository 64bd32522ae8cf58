@testable import NBServer

// Limits, which the server shares with another loop.
extension SimulatedHistory {
    static func limits(_ random: inout Randomness) -> AdmissionLimits {
        AdmissionLimits(
            maximumOpen: random.element(of: [nil, 0, 1, 2, 3, 8]) ?? nil,
            maximumOpenPerListener: random.element(of: [nil, nil, 0, 1, 2, 5]) ?? nil,
            whenReached: random.chance(700) ? .wait : .reset
        )
    }

    /// Somebody changes the limits, or the other loop lets connections in, waits for permits, or gives some back.
    func actOnLimits() {
        guard let admission else { return }
        guard kernel.random.chance(150) else { return actElsewhere() }
        let limits = Self.limits(&kernel.random)
        kernel.tally.note(.changedLimits)
        kernel.note("the limits become \(limits)")
        guard (try? admission.setLimits(limits)) != nil else { return violate("\(limits) are refused") }
        allowance = max(limits.maximumOpen ?? .max, admission.all.taken)
    }

    private func actElsewhere() {
        let count = kernel.random.below(3)
        elsewhere?.settle(needing: count)
        kernel.note("another loop needs \(count) permits and has \(elsewhere?.inHand ?? 0)")
    }

    func note(_ address: SocketAddress, isAtLimit: Bool) {
        guard let index = kernel.listeners.lastIndex(where: { $0.address == address }) else { return }
        if kernel.listeners[index].isAtLimit == isAtLimit {
            violate("\(address) is said twice to be at a limit: \(isAtLimit)")
        }
        kernel.listeners[index].isAtLimit = isAtLimit
    }

    /// Connections that count: they came by a listener, were delivered, and have neither ended nor left.
    private var counted: [SimulatedSocket] {
        kernel.sockets.compactMap(\.self).filter {
            $0.isDelivered && !$0.isToBeClosed && !$0.isAdopted && !$0.isHandedOut
        }
    }

    private var desk: UnsafeMutablePointer<AdmissionDesk>? { state?.pointee.desk }

    /// At any moment: every connection that counts has a permit, and there are no more permits than the limit allows.
    func checkLimits() {
        guard let admission, !kernel.isLost else { return }
        let taken = admission.all.taken
        allowance = max(admission.limits.maximumOpen ?? .max, min(allowance, taken))
        if taken > allowance { violate("\(taken) permits are taken, and \(allowance) are allowed") }
        let open = counted.count + (elsewhere?.inHand ?? 0)
        if open > taken { violate("\(open) connections are let in, with \(taken) permits") }
    }

    /// What is said of those that wait.
    func checkWaitingCounts() {
        guard let desk, let counters = state?.pointee.counters.pointee else { return }
        let waiting = desk.pointee.waiting
        if counters.waiting != waiting.count {
            violate("\(counters.waiting) are said to wait, and \(waiting.count) do")
        }
        if waiting.count > 2 * kernel.features.quantum + kernel.listeners.count {
            violate("\(waiting.count) connections wait, with a quantum of \(kernel.features.quantum)")
        }
        if !waiting.isEmpty { kernel.tally.note(.waitedAtLimit) }
        if counters.overLimit > 0 { kernel.tally.note(.resetAtLimit) }
    }

    /// A listener is not armed as long as connections that it has accepted wait.
    func waitsAtLimit(_ listener: SimulatedListener) -> Bool {
        guard let desk else { return false }
        return desk.pointee.waiting.contains { waiting in
            guard let socket = kernel.sockets[Int(waiting.descriptor - SimulatedKernel.firstDescriptor)] else {
                return false
            }
            return socket.listener.map { kernel.listeners[$0].descriptor } == listener.descriptor
        }
    }

    /// With nothing left to do: no permit is free or in hand that a connection waits for.
    func checkWaiting() {
        guard let desk, let admission else { return }
        if desk.pointee.canDeliver || desk.pointee.all.inHand > 0 { violate("the loop sleeps with permits in hand") }
        for waiting in desk.pointee.waiting {
            let counter = waiting.account.pointee.permits.counter
            if admission.all.free > 0 && counter.free > 0 {
                violate("\(waiting.descriptor) waits, and a permit is free")
            }
        }
        if admission.all.free > 0 && admission.all.hasLine { violate("another loop waits, and a permit is free") }
    }

    /// When the loop is gone: nothing has a permit any more.
    func checkPermits() {
        guard let admission else { return }
        elsewhere?.settle(needing: 0)
        if admission.all.taken != 0 { violate("\(admission.all.taken) permits are lost") }
    }
}
