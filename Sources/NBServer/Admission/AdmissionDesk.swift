internal import NBEngine

/// A loop's part of an ``Admission``: the permits it has in hand, and the connections that wait for some.
///
/// Permits are taken for the completions of a batch, before any of them is acted on, and go back once a turn. So each shared count is
/// written twice a batch. A listener's permits are taken first, then as many of all as it was given; so none is kept from others for a
/// connection that cannot be delivered.
///
/// ```
///  completions ── expect ──▶ take ──▶ admit each: delivered, or waiting, or refused
///  end of a turn ── settle ──▶ unused and returned permits go back; the loop is in line for what it lacks
///  permits granted ── settle ──▶ those that wait are delivered
/// ```
///
/// Owned by the loop's state, at one address; loop's thread only.
struct AdmissionDesk: ~Copyable {
    private let admission: Admission
    private let control: LoopControl
    /// What the admission said when it was last asked.
    private var policy: AdmissionPolicy

    /// The account of all connections.
    var all: PermitAccount
    /// The rate of all new ones.
    var allTokens: TokenAccount
    /// Every account there is.
    private var accounts: [UnsafeMutablePointer<ListenerAccount>] = []
    /// Accounts with completions that are about to be acted on.
    private var arriving: [UnsafeMutablePointer<ListenerAccount>] = []
    /// Accounts that are to be settled.
    var busy: [UnsafeMutablePointer<ListenerAccount>] = []
    /// Connections that wait, in the order in which they came.
    var waiting: [Waiting] = []
    /// Some of them came by a listener that is closed.
    var hasOrphans = false

    /// A connection that was accepted and waits to be delivered.
    struct Waiting {
        let descriptor: Int32
        let listener: ListenerKey
        let account: UnsafeMutablePointer<ListenerAccount>
        /// The place of its source, or -1.
        let source: Int32
        /// The limit at which it came.
        let reason: AdmissionReason
    }

    /// A connection of the completions that are about to be acted on, if addresses are asked.
    struct Arrival {
        let descriptor: Int32
        let account: UnsafeMutablePointer<ListenerAccount>
        let key: SourceTable.Key?
        /// Why it is not let in; `nil` as far as its source is concerned.
        var refusal: AdmissionReason?
        /// The place of its source, or -1.
        var source: Int32 = -1
    }

    private var arrivals: [Arrival] = []
    private var nextArrival = 0
    /// The sources of connections that have ended.
    var returnedSources: [Int32] = []

    init(_ admission: Admission, _ control: LoopControl) {
        self.admission = admission
        self.control = control
        policy = admission.policy
        all = PermitAccount(admission.all, control)
        allTokens = TokenAccount(admission.allTokens)
        admission.join(control)
    }

    deinit {
        for account in accounts {
            account.deinitialize(count: 1)
            account.deallocate()
        }
    }

    /// Whether connections wait that can be delivered.
    private(set) var canDeliver = false
    /// When a token comes for one of those that wait.
    private(set) var deadline: Instant?

    var limits: AdmissionLimits { _read { yield policy.limits } }
    /// Whether each client's address is asked.
    var asksAddresses: Bool { policy.asksAddresses }
    /// Whether clients wait at limits.
    var waits: Bool { policy.waits }

    /// Whether a permit has come, or the limits were changed, since that was last taken.
    var hasNews: Bool { control.hasAdmissionNews }

    /// The same, once.
    func takeNews() -> Bool { control.takeAdmissionNews() }

    /// Whether a permit has come free while the loop was awake.
    var canRenew: Bool {
        if all.canRenew { return true }
        // By index: to go through an array costs a retain.
        for index in busy.indices where busy[index].pointee.permits.canRenew { return true }
        return false
    }

    /// Looks whether the limits were changed; returns whether they were.
    mutating func updateLimits() -> Bool {
        guard policy.version != admission.version else { return false }
        policy = admission.policy
        allTokens.reset()
        for account in accounts { account.pointee.tokens.reset() }
        return true
    }
}

extension UnsafeMutablePointer<AdmissionDesk> {
    /// Makes the account of a listener.
    func makeAccount(for address: SocketAddress) -> UnsafeMutablePointer<ListenerAccount> {
        pointee.makeAccount(for: address, at: self)
    }
}

extension AdmissionDesk {
    fileprivate mutating func makeAccount(
        for address: SocketAddress,
        at desk: UnsafeMutablePointer<AdmissionDesk>
    ) -> UnsafeMutablePointer<ListenerAccount> {
        let (counter, bucket) = admission.shares(of: address)
        let account = UnsafeMutablePointer<ListenerAccount>.allocate(capacity: 1)
        account.initialize(
            to: ListenerAccount(
                desk: desk,
                address: address,
                permits: PermitAccount(counter, control),
                tokens: TokenAccount(bucket)
            )
        )
        accounts.append(account)
        return account
    }

    /// The same where addresses are asked; see ``decideAboutSources(at:)``.
    mutating func expect(
        _ descriptor: Int32,
        from address: IPAddress?,
        _ account: UnsafeMutablePointer<ListenerAccount>
    ) {
        let refusal: AdmissionReason?
        if let address {
            refusal = policy.rules?.allows(address) ?? true ? nil : .denied
        } else {
            refusal = .gone
        }
        let key = address.flatMap { address in limits.perSource.map { SourceTable.Key(address, $0) } }
        arrivals.append(Arrival(descriptor: descriptor, account: account, key: key, refusal: refusal))
    }

    /// Has those expected whose sources may have more.
    mutating func decideAboutSources(at now: Instant) {
        if let limits = limits.perSource { admission.takeSources(&arrivals, limits, at: now) }
        // By index, here and below: to go through an array costs a retain.
        for index in arrivals.indices where arrivals[index].refusal == nil { expect(arrivals[index].account) }
    }

    /// What was decided about a connection. Those before it were not asked for: they are discarded for other reasons.
    mutating func takeArrival(_ descriptor: Int32) -> Arrival? {
        while nextArrival < arrivals.count {
            let arrival = arrivals[nextArrival]
            nextArrival += 1
            if arrival.descriptor == descriptor { return arrival }
            giveSource(arrival.source)
        }
        return nil
    }

    /// The completions were acted on.
    mutating func finishArrivals() {
        while nextArrival < arrivals.count {
            giveSource(arrivals[nextArrival].source)
            nextArrival += 1
        }
        arrivals.removeAll(keepingCapacity: true)
        nextArrival = 0
    }

    /// A connection has ended, or was refused for another reason.
    mutating func giveSource(_ place: Int32) {
        if place >= 0 { returnedSources.append(place) }
    }

    /// A completion that is about to be acted on carries a connection.
    mutating func expect(_ account: UnsafeMutablePointer<ListenerAccount>) {
        account.pointee.arrivingCount += 1
        if account.pointee.arrivingCount == 1 { arriving.append(account) }
    }

    /// Takes permits for all that were announced. Those of a listener with connections that wait are behind these.
    mutating func takePermits(at now: Instant) {
        guard !arriving.isEmpty else { return }
        var count = 0
        for index in arriving.indices {
            let account = arriving[index]
            if account.pointee.waitingCount == 0 {
                account.pointee.permits.take(for: account.pointee.arrivingCount)
                let admitted = min(account.pointee.arrivingCount, account.pointee.permits.inHand)
                account.pointee.tokens.take(for: admitted, at: now)
                count += account.pointee.tokens.suffice(for: admitted)
            }
            account.pointee.arrivingCount = 0
            account.noteBusy()
        }
        arriving.removeAll(keepingCapacity: true)
        all.take(for: count)
        allTokens.take(for: min(count, all.inHand), at: now)
    }

    /// Whether fewer than a quantum of connections may be let in now.
    // Mutating, since the compiler makes a copy for a method that is not.
    mutating func isNearLimit(_ account: UnsafeMutablePointer<ListenerAccount>, _ quantum: Int, at now: Instant) -> Bool
    {
        all.isNearLimit(quantum) || account.pointee.permits.isNearLimit(quantum)
            || allTokens.isNearLimit(quantum, at: now) || account.pointee.tokens.isNearLimit(quantum, at: now)
    }

    /// Lets a connection in, if there are permits for it.
    ///
    /// - Returns: the limit that keeps it from being let in; `nil` if it is delivered now.
    mutating func admit(_ account: UnsafeMutablePointer<ListenerAccount>) -> AdmissionReason? {
        guard account.pointee.permits.inHand > 0 else {
            // No permit was asked for behind those that wait.
            return account.pointee.waitingCount > 0 ? account.pointee.lastLimit : .openPerListener
        }
        guard account.pointee.tokens.suffice(for: 1) > 0 else { return .ratePerListener }
        guard all.inHand > 0 else { return .open }
        guard allTokens.suffice(for: 1) > 0 else { return .rate }
        account.pointee.permits.use()
        account.pointee.tokens.use()
        all.use()
        allTokens.use()
        account.pointee.openCount += 1
        return nil
    }

    private mutating func settleSources() {
        if !arrivals.isEmpty { finishArrivals() }
        guard !returnedSources.isEmpty else { return }
        admission.giveSources(returnedSources)
        returnedSources.removeAll(keepingCapacity: true)
    }

    /// Gives back what is not needed, and asks for what those lack that wait. Of permits no more than there may soon be tokens for: others
    /// could not use them meanwhile.
    mutating func settle(at now: Instant) {
        settleSources()
        guard !busy.isEmpty else { return }
        let prospect = waiting.isEmpty ? 0 : allTokens.prospect(at: now)
        var deliverable = 0
        var kept = 0
        deadline = nil
        for index in busy.indices {
            let account = busy[index]
            account.pointee.settlePermits(prospect, at: now)
            let permitted = min(account.pointee.waitingCount, account.pointee.permits.inHand)
            deadline = .earlier(deadline, account.pointee.tokens.settle(needing: permitted, at: now))
            deliverable += account.pointee.deliverableCount
            if account.pointee.waitingCount > 0 {
                busy[kept] = account
                kept += 1
            } else {
                account.pointee.isBusy = false
                if account.pointee.isOver { free(account) }
            }
        }
        while busy.count > kept { busy.removeLast() }
        all.settle(needing: deliverable)
        let admitted = min(deliverable, all.inHand)
        deadline = .earlier(deadline, allTokens.settle(needing: admitted, at: now))
        canDeliver = allTokens.suffice(for: admitted) > 0
        guard !canDeliver else { return }
        for index in busy.indices { busy[index].pointee.tokens.giveBackAll(at: now) }
    }

    private mutating func free(_ account: UnsafeMutablePointer<ListenerAccount>) {
        accounts.removeAll { $0 == account }
        admission.forgetListener(on: account.pointee.address)
        account.deinitialize(count: 1)
        account.deallocate()
    }

    /// The loop has ended, and so has every connection: no permit stays with it.
    mutating func close() {
        settleSources()
        for account in accounts {
            account.pointee.permits.returned += account.pointee.openCount
            all.returned += account.pointee.openCount
            account.pointee.openCount = 0
            account.pointee.permits.settle(needing: 0)
            admission.forgetListener(on: account.pointee.address)
        }
        all.settle(needing: 0)
        admission.leave(control)
    }
}
