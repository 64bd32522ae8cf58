internal import NBEngine
internal import Synchronization

/// Limits and rules that decide which clients are let in, for all servers that share this object: the shards of a group, or any others.
///
/// ```swift
/// import NBServer
///
/// let admission = try Admission(AdmissionLimits(maximumOpen: 10_000))
/// let options = GroupOptions(server: ServerOptions(admission: admission))
/// ```
///
/// The limits are exact. At no moment are more connections let in than they allow, and a permit that comes free goes to a waiting client, on
/// whichever server, and not to a server that is blocked then. Limits and rules can be changed while servers run. Lowering a limit ends no
/// connection; no client is let in until few enough are open.
///
/// Any thread. Two admissions are equal if they are the same object. Besides the end of a group, an admission is the only thing that
/// servers share.
public final class Admission: Sendable {
    /// The account of all connections, and the rate of new ones.
    let all: PermitCounter
    let allTokens: TokenBucket

    /// What sources have.
    private let sources = Lock(SourceTable())

    private struct State {
        var limits: AdmissionLimits
        var rules: SourceRules?
        /// Those of listeners, and how many servers use each.
        var listeners: [SocketAddress: (counter: PermitCounter, bucket: TokenBucket, users: Int)] = [:]
        /// The loops that are to hear of changes.
        var members: [LoopControl] = []
    }

    private let state: Lock<State>
    /// How often something was changed.
    private let changes = Atomic<UInt64>(0)

    /// An admission with these limits and rules.
    ///
    /// - Parameters:
    ///   - limits: how many clients are let in.
    ///   - rules: which sources are let in; `nil` for all. Clients of other sources are reset, for the reason
    ///     ``AdmissionReason/denied``.
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidOption`` if a limit is out of its range. The error names the limit.
    public init(_ limits: AdmissionLimits = AdmissionLimits(), rules: SourceRules? = nil) throws(ServerError) {
        try limits.expectValid()
        all = PermitCounter(limit: limits.maximumOpen)
        allTokens = TokenBucket(limits.rate)
        state = Lock(State(limits: limits, rules: rules))
    }

    /// The present limits.
    public var limits: AdmissionLimits { state.withLock { $0.limits } }

    /// The present rules.
    public var rules: SourceRules? { state.withLock { $0.rules } }

    /// Changes the rules, for every server at once. They apply to clients that are accepted from now on. Open and waiting connections stay.
    public func setRules(_ rules: SourceRules?) {
        let members = state.withLock { state in
            state.rules = rules
            changes.add(1, ordering: .sequentiallyConsistent)
            return state.members
        }
        for member in members { member.noteAdmission() }
    }

    /// Changes the limits, for every server at once. A rate that changes begins with its whole burst. Waiting clients are let in if there
    /// is room now, or reset if ``AdmissionLimits/whenReached`` says so now.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidOption`` if a limit is out of its range. Nothing is changed then.
    public func setLimits(_ limits: AdmissionLimits) throws(ServerError) {
        try limits.expectValid()
        let (counters, members) = state.withLock { state in
            state.limits = limits
            all.setLimit(limits.maximumOpen)
            allTokens.setRate(limits.rate)
            for (address, (counter, bucket, _)) in state.listeners {
                let limits = limits.ofListener(on: address)
                counter.setLimit(limits.maximumOpen)
                bucket.setRate(limits.rate)
            }
            changes.add(1, ordering: .sequentiallyConsistent)
            return (state.listeners.values.map(\.counter), state.members)
        }
        for counter in counters + [all] { counter.distribute() }
        for member in members { member.noteAdmission() }
    }
}

extension Admission: Hashable {
    /// Whether both are the same object.
    public static func == (left: Admission, right: Admission) -> Bool { left === right }

    /// Hashes the object's identity.
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

// For the loops of its servers.
extension Admission {
    /// The limits and rules that hold now.
    var policy: AdmissionPolicy {
        state.withLock { AdmissionPolicy(version: version, limits: $0.limits, rules: $0.rules) }
    }

    /// Another number whenever something was changed.
    var version: UInt64 { changes.load(ordering: .sequentiallyConsistent) }

    /// A loop begins to use it.
    func join(_ control: LoopControl) {
        state.withLock { $0.members.append(control) }
    }

    /// A loop has ended.
    func leave(_ control: LoopControl) {
        state.withLock { $0.members.removeAll { $0 === control } }
    }

    /// The account and the rate of the listeners on an address, of which the caller has one from now on.
    func shares(of address: SocketAddress) -> (PermitCounter, TokenBucket) {
        state.withLock { state in
            let limits = state.limits.ofListener(on: address)
            var shares =
                state.listeners[address] ?? (PermitCounter(limit: limits.maximumOpen), TokenBucket(limits.rate), 0)
            shares.users += 1
            state.listeners[address] = shares
            return (shares.counter, shares.bucket)
        }
    }

    /// A listener on an address is closed, and its connections have ended. The last one takes the account along.
    func forgetListener(on address: SocketAddress) {
        state.withLock { state in
            state.listeners[address]?.users -= 1
            if state.listeners[address]?.users == 0 { state.listeners[address] = nil }
        }
    }
}

// What sources have.
extension Admission {
    /// Counts the connections that have arrived and are not refused yet, if their sources may have more.
    func takeSources(_ arrivals: inout [AdmissionDesk.Arrival], _ limits: AdmissionLimits.SourceLimits, at now: Instant)
    {
        sources.withLock { sources in
            for index in arrivals.indices where arrivals[index].refusal == nil {
                guard let key = arrivals[index].key else { continue }
                switch sources.take(key, limits, at: now) {
                case .counted(let place): arrivals[index].source = place
                case .refused(let reason): arrivals[index].refusal = reason
                }
            }
        }
    }

    /// Connections of these sources have ended.
    func giveSources(_ places: [Int32]) {
        sources.withLock { sources in
            for place in places { sources.give(place) }
        }
    }

    /// How many permits of the listeners on an address are taken, for tests.
    func takenCount(on address: SocketAddress) -> Int {
        state.withLock { $0.listeners[address]?.counter.taken ?? 0 }
    }

    /// How many sources are remembered, and how many connections one has open, for tests.
    var sourceCount: Int { sources.withLock { $0.count } }
    func openCount(of address: IPAddress) -> Int {
        guard let limits = limits.perSource else { return 0 }
        return sources.withLock { $0.openCount(SourceTable.Key(address, limits)) }
    }
}
