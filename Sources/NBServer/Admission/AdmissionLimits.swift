/// How many connections servers let in; see ``Admission``. Making an admission with a value that is out of its range throws
/// ``ServerError/Code/invalidOption``.
///
/// A connection counts from its delivery until it has ended, with its last bytes sent and its peer heard out, or until it has left its
/// server: detached, handed off, or its descriptor taken. An adopted connection (``Server/adopt(_:)``) does not count. A limit of 0 lets
/// nothing in.
public struct AdmissionLimits: Hashable, Sendable {
    /// How many connections may be open at once in all: 0 or more, or `nil` for no limit.
    public var maximumOpen: Int?

    /// How many new connections are let in per second in all; `nil` for no limit.
    public var rate: Rate?

    /// The limits of each listener that ``listenerLimits`` does not name.
    public var perListener: ListenerLimits

    /// The limits of the listeners on these addresses, as bound: a listener on port 0 has the port that the kernel chose.
    public var listenerLimits: [SocketAddress: ListenerLimits]

    /// The limits of each source; `nil` for none. With them, or with ``SourceRules``, the server asks the kernel for each client's address,
    /// `getpeername(2)`. A connection counts from when it is accepted, if there were such limits then.
    public var perSource: SourceLimits?

    /// What happens to a client at a limit other than its source's.
    public var whenReached: Answer

    /// The limits of a listener. All listeners on the same address share them, on whichever server.
    public struct ListenerLimits: Hashable, Sendable {
        /// How many connections of the listener may be open at once: 0 or more, or `nil` for no limit.
        public var maximumOpen: Int?
        /// How many new connections are let in per second; `nil` for no limit.
        public var rate: Rate?

        /// Limits with these values; see the properties.
        public init(maximumOpen: Int? = nil, rate: Rate? = nil) {
            self.maximumOpen = maximumOpen
            self.rate = rate
        }

        fileprivate func expectValid(_ name: String) throws(ServerError) {
            if let maximumOpen {
                try OptionRange.expect("AdmissionLimits.\(name).maximumOpen", maximumOpen, in: 0...Int.max)
            }
            try rate?.expectValid("\(name).rate")
        }
    }

    /// The limits of one source. At most 65,536 sources are remembered. The least recent source without open connections is forgotten
    /// first. If all sources have open connections, clients of new ones are refused.
    public struct SourceLimits: Hashable, Sendable {
        /// How many connections of the source may be open at once: 0 or more, or `nil` for no limit.
        public var maximumOpen: Int?
        /// How many new connections are let in per second; `nil` for no limit.
        public var rate: Rate?
        /// How many bits of an IPv4 address identify a source: 0 to 32. An IPv4-mapped address counts as an IPv4 address.
        public var ipv4PrefixLength: Int
        /// How many bits of an IPv6 address identify a source: 0 to 128. Most sites have a prefix of 64 bits, and any address in it.
        public var ipv6PrefixLength: Int
        /// What happens to a client whose source has reached a limit. ``Answer/wait`` is an error, because other clients would wait behind
        /// it.
        public var whenReached: Answer

        /// Limits with these values; see the properties.
        public init(
            maximumOpen: Int? = nil,
            rate: Rate? = nil,
            ipv4PrefixLength: Int = 32,
            ipv6PrefixLength: Int = 64,
            whenReached: Answer = .reset
        ) {
            self.maximumOpen = maximumOpen
            self.rate = rate
            self.ipv4PrefixLength = ipv4PrefixLength
            self.ipv6PrefixLength = ipv6PrefixLength
            self.whenReached = whenReached
        }

        fileprivate func expectValid() throws(ServerError) {
            let name = "AdmissionLimits.perSource"
            if let maximumOpen { try OptionRange.expect("\(name).maximumOpen", maximumOpen, in: 0...Int.max) }
            try rate?.expectValid("perSource.rate")
            try OptionRange.expect("\(name).ipv4PrefixLength", ipv4PrefixLength, in: 0...32)
            try OptionRange.expect("\(name).ipv6PrefixLength", ipv6PrefixLength, in: 0...128)
            try OptionRange.expect(
                whenReached != .wait,
                "\(name).whenReached",
                "wait",
                "reset or lastWord: others would wait behind one source"
            )
            try whenReached.expectValid("\(name).whenReached")
        }
    }

    /// A number of connections per second, and a burst. In any span of time, at most the burst and one for each interval are let in.
    public struct Rate: Hashable, Sendable {
        /// How many per second: from 0, which lets nothing in, to 1,000,000. Intervals are rounded up to whole nanoseconds.
        public var perSecond: Int
        /// How many at once after a while without clients: from 1 to 1,000,000.
        public var burst: Int

        /// A rate with these values; see the properties.
        public init(perSecond: Int, burst: Int) {
            self.perSecond = perSecond
            self.burst = burst
        }

        /// In nanoseconds, rounded up, so that no rate is exceeded. There must be one.
        var interval: Int64 { Int64((1_000_000_000 + perSecond - 1) / perSecond) }

        fileprivate func expectValid(_ name: String) throws(ServerError) {
            try OptionRange.expect("AdmissionLimits.\(name).perSecond", perSecond, in: 0...1_000_000)
            try OptionRange.expect("AdmissionLimits.\(name).burst", burst, in: 1...1_000_000)
        }
    }

    /// What happens to a client at a limit.
    public enum Answer: Hashable, Sendable {
        /// The client waits in the accept queue, or accepted and not delivered, as ``ServerCounters/waiting``. Of the latter, a listener
        /// has one, or as many as its accept operation had taken before the limit was reached: at most two quanta
        /// (``ServerOptions/quantum``) and one for each listener of a server. Waiting clients are let in one after the other, as connections
        /// end on whichever server, or as time passes. None is lost.
        case wait
        /// The connection is reset at once: for clients that have another server to go to. Counts as discarded, for the
        /// limit as the ``AdmissionReason``.
        case reset
        /// The client is sent these bytes, from 1 to 16,384. Then the connection ends like a dropped one, within the same time limits. It
        /// takes a descriptor until then, and counts like ``reset``.
        case lastWord([UInt8])

        fileprivate func expectValid(_ name: String) throws(ServerError) {
            guard case .lastWord(let bytes) = self else { return }
            try OptionRange.expect(
                (1...16_384).contains(bytes.count),
                name,
                "a last word of \(bytes.count) bytes",
                "from 1 to 16384 bytes long"
            )
        }
    }

    /// Limits with these values; see the properties.
    public init(
        maximumOpen: Int? = nil,
        rate: Rate? = nil,
        perListener: ListenerLimits = ListenerLimits(),
        listenerLimits: [SocketAddress: ListenerLimits] = [:],
        perSource: SourceLimits? = nil,
        whenReached: Answer = .wait
    ) {
        self.maximumOpen = maximumOpen
        self.rate = rate
        self.perListener = perListener
        self.listenerLimits = listenerLimits
        self.perSource = perSource
        self.whenReached = whenReached
    }

    /// What the listeners on an address may have.
    func ofListener(on address: SocketAddress) -> ListenerLimits { listenerLimits[address] ?? perListener }

    /// What happens to a client that is not let in at once, for this reason.
    func answer(to reason: AdmissionReason) -> Answer {
        switch reason {
        case .open, .openPerListener, .rate, .ratePerListener: whenReached
        case .openPerSource, .ratePerSource, .tooManySources: perSource?.whenReached ?? .reset
        case .denied, .gone, .descriptors, .memory, .refused, .untaken, .removed, .stale, .draining, .stopping: .reset
        }
    }

    /// Refuses the first value that is out of its range.
    func expectValid() throws(ServerError) {
        if let maximumOpen { try OptionRange.expect("AdmissionLimits.maximumOpen", maximumOpen, in: 0...Int.max) }
        try rate?.expectValid("rate")
        try perListener.expectValid("perListener")
        for (address, limits) in listenerLimits { try limits.expectValid("listenerLimits[\(address)]") }
        try perSource?.expectValid()
        try whenReached.expectValid("AdmissionLimits.whenReached")
    }
}
