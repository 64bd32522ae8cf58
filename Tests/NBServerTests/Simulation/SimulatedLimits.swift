import NBEngine

@testable import NBServer

/// The limits and rules of a history, or of all that are played together, and what must hold of those that are let in. Used by one thread
/// at a time.
final class SimulatedLimits {
    let admission: Admission
    /// A loop that does nothing but take permits and give them back, beside one that is played by itself.
    private(set) var other: PermitAccount?
    private let otherControl = LoopControl()
    /// Of the loops that share the limits.
    private var kernels: [SimulatedKernel] = []
    /// How many permits of all, and of the listeners on an address, may be taken by now: more than the limit, until few enough have come
    /// back.
    private var allowances: [SocketAddress?: Int] = [:]
    /// The rate, and when its bucket is full.
    private(set) var pace: (rate: AdmissionLimits.Rate?, full: UInt64)

    init(_ random: inout Randomness) throws {
        admission = try Admission(Self.draw(&random), rules: Self.drawRules(&random))
        pace = (admission.limits.rate, 0)
    }

    /// How many loops are played, those included that have ended while others have not.
    private(set) var loopCount = 0

    func join(_ kernel: SimulatedKernel) {
        kernels.append(kernel)
        loopCount += 1
    }

    func joinOther() { other = PermitAccount(admission.all, otherControl) }

    /// The loop that is not played lets connections in, waits for permits, or gives some back. Then it sleeps, with a last look.
    func settleOther(needing count: Int) {
        other?.settle(needing: count)
        otherControl.doorbell.publishSleep()
        if other?.canRenew == true { other?.settle(needing: count) }
    }

    /// Changes the limits; says what they are now, or that they were refused.
    func change(_ random: inout Randomness) -> String {
        var limits = Self.draw(&random)
        // Connections count for their source if they came under such limits.
        limits.perSource = admission.limits.perSource
        for account in accounts { allowances[account.name] = account.taken }
        guard (try? admission.setLimits(limits)) != nil else { return "\(limits), and are refused" }
        if limits.rate != pace.rate { pace = (limits.rate, 0) }
        return "\(limits)"
    }

    /// What is limited, with its limit, and how many permits are taken.
    private var accounts: [(name: SocketAddress?, limit: Int, taken: Int)] {
        let limits = admission.limits
        let addresses = Set(kernels.flatMap { $0.listeners.map(\.address) })
        return [(nil, limits.maximumOpen ?? .max, admission.all.taken)]
            + addresses.map { ($0, limits.ofListener(on: $0).maximumOpen ?? .max, admission.takenCount(on: $0)) }
    }

    /// Connections that count: they came by a listener, were delivered, and have neither ended nor left. What a lost ring leaves open,
    /// is not known.
    private var counted: [(socket: SimulatedSocket, listener: SocketAddress?)] {
        kernels.filter { !$0.isLost }.flatMap { kernel in
            kernel.sockets.compactMap(\.self).filter {
                $0.isDelivered && !$0.isToBeClosed && !$0.isAdopted && !$0.isHandedOut
            }.map { socket in (socket, socket.listener.map { kernel.listeners[$0].address }) }
        }
    }
}

// What must hold, with what does not.
extension SimulatedLimits {
    /// At any moment: every connection that counts has a permit, and there are no more permits than the limit allows.
    func violations() -> [String] {
        let counted = counted
        return accounts.flatMap { name, limit, taken in
            let allowance = max(limit, min(allowances[name] ?? limit, taken))
            allowances[name] = allowance
            let open = name == nil ? counted.count + (other?.inHand ?? 0) : counted.count { $0.listener == name }
            let place = name.map { " on \($0)" } ?? ""
            return (taken > allowance ? ["\(taken) permits\(place) are taken, and \(allowance) are allowed"] : [])
                + (open > taken ? ["\(open) connections\(place) are let in, with \(taken) permits"] : [])
        }
    }

    /// A connection is delivered that came by a listener: that it may, and now.
    func violations(ofLettingIn socket: SimulatedSocket, at now: Instant, knowsRate: Bool) -> [String] {
        sourceViolations(socket) + (knowsRate ? paceViolations(now) : [])
    }

    private func sourceViolations(_ socket: SimulatedSocket) -> [String] {
        var violations: [String] = []
        if admission.rules?.allows(socket.source) == false {
            violations.append("\(socket.source) is let in, and denied")
        }
        guard let maximum = admission.limits.perSource?.maximumOpen else { return violations }
        let open = counted.count { $0.socket.source == socket.source }
        if open > maximum { violations.append("\(open) connections of \(socket.source) are let in") }
        if admission.openCount(of: socket.source) < open {
            violations.append("\(open) connections of \(socket.source) are miscounted")
        }
        return violations
    }

    /// Each other loop may wake up late for a token that it was promised.
    private func paceViolations(_ now: Instant) -> [String] {
        guard let rate = pace.rate else { return [] }
        guard rate.perSecond > 0 else { return ["a connection is let in at a rate of none"] }
        let interval = 1_000_000_000 / UInt64(rate.perSecond)
        pace.full = max(pace.full, now.nanoseconds) + interval
        let isFast = pace.full > now.nanoseconds + interval * UInt64(rate.burst + loopCount - 1)
        return isFast ? ["more are let in than at a rate of \(rate)"] : []
    }

    /// A loop is gone; if it was the last, nothing has a permit any more.
    func leave(_ kernel: SimulatedKernel) -> [String] {
        kernels.removeAll { $0 === kernel }
        guard kernels.isEmpty else { return [] }
        other?.settle(needing: 0)
        let taken = admission.all.taken
        let sources = SimulatedKernel.sources.filter { admission.openCount(of: $0) != 0 }
        return (taken == 0 ? [] : ["\(taken) permits are lost"]) + sources.map { "\($0) is said to have connections" }
    }
}

// What is drawn.
extension SimulatedLimits {
    private static func draw(_ random: inout Randomness) -> AdmissionLimits {
        AdmissionLimits(
            maximumOpen: random.element(of: [nil, 0, 1, 2, 3, 8]) ?? nil,
            rate: random.chance(300) ? drawRate(&random) : nil,
            perListener: .init(
                maximumOpen: random.element(of: [nil, nil, 0, 1, 2, 5]) ?? nil,
                rate: random.chance(200) ? drawRate(&random) : nil
            ),
            perSource: random.chance(300) ? drawSourceLimits(&random) : nil,
            whenReached: random.chance(700) ? .wait : random.chance(500) ? .reset : .lastWord(SimulatedKernel.lastWord)
        )
    }

    private static func drawRate(_ random: inout Randomness) -> AdmissionLimits.Rate {
        AdmissionLimits.Rate(
            perSecond: random.element(of: [0, 1, 3, 100, 10_000]) ?? 1,
            burst: random.element(of: [1, 1, 2, 10]) ?? 1
        )
    }

    private static func drawSourceLimits(_ random: inout Randomness) -> AdmissionLimits.SourceLimits {
        AdmissionLimits.SourceLimits(
            maximumOpen: random.element(of: [nil, 0, 1, 2]) ?? nil,
            rate: random.chance(300) ? drawRate(&random) : nil,
            whenReached: random.chance(700) ? .reset : .lastWord(SimulatedKernel.lastWord)
        )
    }

    /// A third of all clients may come in, or all but a third; or all.
    private static func drawRules(_ random: inout Randomness) throws -> SourceRules? {
        guard random.chance(400) else { return nil }
        let rule: SourceRules.Decision = random.chance(500) ? .allow : .deny
        return try SourceRules([(AddressPrefix("127.0.0.1"), rule)], default: rule == .allow ? .deny : .allow)
    }
}
