/// A server's load at the end of a turn of its loop, for its ``LoadObserver``. ``ServerCounters`` have the open connections.
public struct ServerLoad: Hashable, Sendable {
    /// Listeners that are not closed.
    public var listeners: Int
    /// Listeners that cannot accept for lack of descriptors or memory, and try again.
    public var parkedListeners: Int
    /// Messages that wait to be handled.
    public var mailboxLength: Int
    /// Turns that the loop has made, this one included.
    public var turns: UInt64
    /// How long the turns took in all, callbacks included. Waiting, and the system call in which the loop waits, do not count.
    public var turnTime: Duration
    /// The longest turn since the last call of the observer.
    public var longestTurn: Duration

    /// A load with these values, for tests of observers.
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
