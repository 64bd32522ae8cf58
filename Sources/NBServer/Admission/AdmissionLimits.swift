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

    /// What becomes of a client that comes at a limit.
    public var whenReached: Answer

    /// What becomes of a client that comes at a limit.
    public enum Answer: Hashable, Sendable {
        /// It waits: in the accept queue, with `listen(2)`'s backlog for a limit, or accepted and not delivered, as
        /// ``ServerCounters/waiting``. Of those, a listener has one, or as many as its arm had taken before the limit was reached: at most
        /// two quanta of ``ServerOptions/quantum`` a server. Those that wait are let in one after the other as others end, on whichever
        /// server. Nobody is lost.
        case wait
        /// Its connection is reset at once: for clients that have somewhere else to go. Counts as discarded, and as
        /// ``ServerCounters/overLimit``.
        case reset
    }

    /// Limits with these values; see the properties.
    public init(maximumOpen: Int? = nil, maximumOpenPerListener: Int? = nil, whenReached: Answer = .wait) {
        self.maximumOpen = maximumOpen
        self.maximumOpenPerListener = maximumOpenPerListener
        self.whenReached = whenReached
    }

    /// Refuses the first value that is out of its range.
    func expectValid() throws(ServerError) {
        if let maximumOpen { try OptionRange.expect("AdmissionLimits.maximumOpen", maximumOpen, in: 0...Int.max) }
        if let maximumOpenPerListener {
            try OptionRange.expect("AdmissionLimits.maximumOpenPerListener", maximumOpenPerListener, in: 0...Int.max)
        }
    }
}
