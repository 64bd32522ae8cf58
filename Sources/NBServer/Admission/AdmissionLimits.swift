/// How many connections servers let in; see ``Admission``. A value that is out of its range is an error of the admission that is made with
/// it: ``ServerError/Code/invalidOption``.
///
/// A connection counts from when it is delivered until it has ended, with its last bytes sent and its peer heard out, or until it has left
/// its server: released, handed off, or its descriptor taken. One that came by ``Server/adopt(_:)`` does not count. A limit of 0 admits
/// nothing.
public struct AdmissionLimits: Hashable, Sendable {
    /// How many connections may be open at once in all: 0 or more, or `nil` for any number.
    public var maximumOpen: Int?

    /// How many may be open at once of those that came by the same address, whichever server listens there: 0 or more, or `nil` for any
    /// number.
    public var maximumOpenPerListener: Int?

    /// How many new ones are let in a second in all; `nil` for any number.
    public var rate: Rate?

    /// How many new ones are let in a second by the same address, whichever server listens there; `nil` for any number.
    public var ratePerListener: Rate?

    /// What becomes of a client that comes at a limit.
    public var whenReached: Answer

    /// So many a second, and a burst besides: in no span of time are more let in than the burst, and one for each interval in it.
    public struct Rate: Hashable, Sendable {
        /// How many a second: from 0, which lets nobody in, to 1,000,000. Intervals are rounded up to whole nanoseconds.
        public var perSecond: Int
        /// How many at once when nobody has come for a while: from 1 to 1,000,000.
        public var burst: Int

        /// A rate with these values; see the properties.
        public init(perSecond: Int, burst: Int) {
            self.perSecond = perSecond
            self.burst = burst
        }

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
        /// server, or as time passes. Nobody is lost.
        case wait
        /// Its connection is reset at once: for clients that have somewhere else to go. Counts as discarded, and as
        /// ``ServerCounters/overLimit``.
        case reset
    }

    /// Limits with these values; see the properties.
    public init(
        maximumOpen: Int? = nil,
        maximumOpenPerListener: Int? = nil,
        rate: Rate? = nil,
        ratePerListener: Rate? = nil,
        whenReached: Answer = .wait
    ) {
        self.maximumOpen = maximumOpen
        self.maximumOpenPerListener = maximumOpenPerListener
        self.rate = rate
        self.ratePerListener = ratePerListener
        self.whenReached = whenReached
    }

    /// Refuses the first value that is out of its range.
    func expectValid() throws(ServerError) {
        if let maximumOpen { try OptionRange.expect("AdmissionLimits.maximumOpen", maximumOpen, in: 0...Int.max) }
        if let maximumOpenPerListener {
            try OptionRange.expect("AdmissionLimits.maximumOpenPerListener", maximumOpenPerListener, in: 0...Int.max)
        }
        try rate?.expectValid("rate")
        try ratePerListener?.expectValid("ratePerListener")
    }
}
