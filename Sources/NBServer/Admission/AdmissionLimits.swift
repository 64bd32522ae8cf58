/// How many connections servers let in; see ``Admission``. A value that is out of its range is an error of the admission that is made with
/// it: ``ServerError/Code/invalidOption``.
///
/// A connection counts from when it is delivered until it has ended, with its last bytes sent and its peer heard out, or until it has left
/// its server: detached, handed off, or its descriptor taken. One that came by ``Server/adopt(_:)`` does not count. A limit of 0 admits
/// nothing.
public struct AdmissionLimits: Hashable, Sendable {
    /// How many connections may be open at once in all: 0 or more, or `nil` for any number.
    public var maximumOpen: Int?

    /// How many new ones are let in a second in all; `nil` for any number.
    public var rate: Rate?

    /// What each listener may have, unless ``listenerLimits`` says something else.
    public var perListener: ListenerLimits

    /// What the listeners on these addresses may have, as bound: a listener on port 0 has the port that the kernel chose.
    public var listenerLimits: [SocketAddress: ListenerLimits]

    /// What each source may have; `nil` for as much as it likes. With this, or with ``SourceRules``, each client's address is asked of the
    /// kernel, `getpeername(2)`. A connection counts from when it is accepted, and if it was accepted while there were such limits.
    public var perSource: SourceLimits?

    /// What becomes of a client that comes at a limit, but for those of its source.
    public var whenReached: Answer

    /// What a listener may have: all listeners on the same address together, whichever server they are of.
    public struct ListenerLimits: Hashable, Sendable {
        /// How many connections that came by it may be open at once: 0 or more, or `nil` for any number.
        public var maximumOpen: Int?
        /// How many new ones are let in a second; `nil` for any number.
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

    /// What one source may have. At most 65,536 sources are remembered; the least recent one without open connections is forgotten first, and
    /// if all have some, others are refused.
    public struct SourceLimits: Hashable, Sendable {
        /// How many connections may be open at once: 0 or more, or `nil` for any number.
        public var maximumOpen: Int?
        /// How many new ones may come in a second; `nil` for any number.
        public var rate: Rate?
        /// How many bits of an IPv4 address are a source: 0 to 32. IPv4-mapped addresses are IPv4 addresses here.
        public var ipv4PrefixLength: Int
        /// How many bits of an IPv6 address are a source: 0 to 128. Most sites have a prefix of 64, and any address in it.
        public var ipv6PrefixLength: Int
        /// What becomes of a client whose source has reached a limit. ``Answer/wait`` is an error: others would wait behind it.
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

    /// So many a second, and a burst besides: in no span of time are more let in than the burst, and one for each interval in it.
    public struct Rate: Hashable, Sendable {
        /// How many a second: from 0, which lets no client in, to 1,000,000. Intervals are rounded up to whole nanoseconds.
        public var perSecond: Int
        /// How many at once when no client has come for a while: from 1 to 1,000,000.
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

    /// What becomes of a client that comes at a limit.
    public enum Answer: Hashable, Sendable {
        /// It waits: in the accept queue, with `listen(2)`'s backlog for a limit, or accepted and not delivered, as
        /// ``ServerCounters/waiting``. Of those, a listener has one, or as many as its arm had taken before the limit was reached: at most
        /// two quanta of ``ServerOptions/quantum`` a server. Those that wait are let in one after the other as others end, on whichever
        /// server, or as time passes. None is lost.
        case wait
        /// Its connection is reset at once: for clients that have somewhere else to go. Counts as discarded, and as
        /// ``ServerCounters/overLimit``.
        case reset
        /// It is sent these bytes, from 1 to 16,384, and its connection ends as one does that was dropped, within the same limits of time. Takes
        /// a descriptor until then, and counts as ``reset`` does.
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
