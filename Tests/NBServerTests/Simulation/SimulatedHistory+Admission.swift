import NBEngine

@testable import NBServer

// Limits, which the server shares with another loop.
extension SimulatedHistory {
    static func limits(_ random: inout Randomness) -> AdmissionLimits {
        AdmissionLimits(
            maximumOpen: random.element(of: [nil, 0, 1, 2, 3, 8]) ?? nil,
            rate: random.chance(300) ? rate(&random) : nil,
            perListener: .init(
                maximumOpen: random.element(of: [nil, nil, 0, 1, 2, 5]) ?? nil,
                rate: random.chance(200) ? rate(&random) : nil
            ),
            perSource: random.chance(300) ? perSource(&random) : nil,
            whenReached: random.chance(700) ? .wait : random.chance(500) ? .reset : .lastWord(SimulatedKernel.lastWord)
        )
    }

    private static func rate(_ random: inout Randomness) -> AdmissionLimits.Rate {
        AdmissionLimits.Rate(
            perSecond: random.element(of: [0, 1, 3, 100, 10_000]) ?? 1,
            burst: random.element(of: [1, 1, 2, 10]) ?? 1
        )
    }

    private static func perSource(_ random: inout Randomness) -> AdmissionLimits.SourceLimits {
        AdmissionLimits.SourceLimits(
            maximumOpen: random.element(of: [nil, 0, 1, 2]) ?? nil,
            rate: random.chance(300) ? rate(&random) : nil,
            whenReached: random.chance(700) ? .reset : .lastWord(SimulatedKernel.lastWord)
        )
    }

    /// A third of all clients may come in, or all but a third; or all.
    static func rules(_ random: inout Randomness) throws -> SourceRules? {
        guard random.chance(400) else { return nil }
        let rule: SourceRules.Decision = random.chance(500) ? .allow : .deny
        return try SourceRules([(AddressPrefix("127.0.0.1"), rule)], default: rule == .allow ? .deny : .allow)
    }

    /// Somebody changes the limits, or the other loop lets connections in, waits for permits, or gives some back.
    func actOnLimits() {
        guard let admission else { return }
        guard kernel.random.chance(150) else { return actElsewhere() }
        var limits = Self.limits(&kernel.random)
        // Connections count for their source if they came under such limits.
        limits.perSource = admission.limits.perSource
        kernel.tally.note(.changedLimits)
        kernel.note("the limits become \(limits)")
        guard (try? admission.setLimits(limits)) != nil else { return violate("\(limits) are refused") }
        allowance = max(limits.maximumOpen ?? .max, admission.all.taken)
        if limits.rate != pace.rate { pace = (limits.rate, 0) }
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

    /// A connection is delivered that came by a listener.
    func checkSource(_ socket: SimulatedSocket) {
        guard let admission else { return }
        if admission.rules?.allows(socket.source) == false { violate("\(socket.source) is let in, and denied") }
        guard let maximum = admission.limits.perSource?.maximumOpen else { return }
        let open = counted.count { $0.source == socket.source }
        if open > maximum { violate("\(open) connections of \(socket.source) are let in") }
        if admission.openCount(of: socket.source) < open {
            violate("\(open) connections of \(socket.source) are miscounted")
        }
    }

    /// The same for the rate.
    func checkPace() {
        guard let rate = pace.rate else { return }
        guard rate.perSecond > 0 else { return violate("a connection is let in at a rate of none") }
        let interval = 1_000_000_000 / UInt64(rate.perSecond)
        pace.full = max(pace.full, kernel.now.nanoseconds) + interval
        if pace.full > kernel.now.nanoseconds + interval * UInt64(rate.burst) {
            violate("more are let in than at a rate of \(rate)")
        }
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
        if counters.overSourceLimit > 0 { kernel.tally.note(.resetForItsSource) }
        if counters.denied > 0 { kernel.tally.note(.denied) }
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
    func checkWaiting(_ deadline: Instant?) {
        guard let desk, let admission else { return }
        if desk.pointee.canDeliver { violate("the loop sleeps with permits in hand") }
        if desk.pointee.all.inHand > 0 && pace.rate == nil { violate("the loop sleeps with permits in hand") }
        for waiting in desk.pointee.waiting {
            let (permits, bucket) = (waiting.account.pointee.permits, waiting.account.pointee.tokens.bucket)
            guard admission.all.free + desk.pointee.all.inHand > 0, permits.counter.free + permits.inHand > 0 else {
                continue
            }
            checkDeadline(deadline, of: waiting, desk.pointee.limits, isPaced: pace.rate != nil || bucket.isLimited)
        }
        if admission.all.free > 0 && admission.all.hasLine { violate("another loop waits, and a permit is free") }
    }

    /// A connection waits for nothing but a token.
    private func checkDeadline(
        _ deadline: Instant?,
        of waiting: AdmissionDesk.Waiting,
        _ limits: AdmissionLimits,
        isPaced: Bool
    ) {
        guard isPaced else { return violate("\(waiting.descriptor) waits, and a permit is free") }
        let rates = [limits.rate, limits.perListener.rate].compactMap(\.self)
        guard rates.allSatisfy({ $0.perSecond > 0 }) else { return }
        let longest = rates.map { Duration.nanoseconds(1_000_000_000 / $0.perSecond + 1) }.max() ?? .zero
        guard let deadline, deadline <= kernel.now + longest * 2 else {
            return violate("\(waiting.descriptor) waits for a token, and the loop does not wake up for it")
        }
    }

    /// When the loop is gone: nothing has a permit any more.
    func checkPermits() {
        guard let admission else { return }
        elsewhere?.settle(needing: 0)
        if admission.all.taken != 0 { violate("\(admission.all.taken) permits are lost") }
        for source in SimulatedKernel.sources where admission.openCount(of: source) != 0 {
            violate("\(source) is said to have connections")
        }
    }
}
