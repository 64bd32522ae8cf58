/// How much a server has on its hands at the end of a turn of its loop, besides what ``ServerCounters`` say is open, for its ``LoadObserver``. A value.
public struct ServerLoad: Hashable, Sendable {
    /// Listeners that are not closed.
    public var listeners: Int
    /// Listeners that cannot accept for want of descriptors or memory, and try again.
    public var parkedListeners: Int
    /// Messages that wait to be handled.
    public var mailboxLength: Int
    /// Turns that the loop has made, this one included.
    public var turns: UInt64
    /// How long those took in all: their callbacks, and what the loop did besides. Neither waiting counts, nor the system call in which the
    /// loop waits.
    public var turnTime: Duration
    /// The longest of those since the load was last told.
    public var longestTurn: Duration

    /// A load of these numbers, for tests of observers.
    public init(
        listeners: Int = 0,
        parkedListeners: Int = 0,
        mailboxLength: Int = 0,
        turns: UInt64 = 0,
        turnTime: Duration = .zero,
        longestTurn: Duration = .zero
    ) {
        self.listeners = listeners
        self.parkedListeners = parkedListeners
        self.mailboxLength = mailboxLength
        self.turns = turns
        self.turnTime = turnTime
        self.longestTurn = longestTurn
    }
}
