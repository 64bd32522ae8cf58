/// How a server is to run. A value that is out of its range is an error of the server that is made with it:
/// ``ServerError/Code/invalidOption``.
public struct ServerOptions: Hashable, Sendable {
    /// How long the peer of a dropped connection may take nothing of what was queued and then, if it is heard out, say nothing without
    /// ending its side; then the connection is reset. A peer that reads on, however slowly, is not cut off. Acknowledged bytes
    /// count as taken, and the kernel is asked for them (`TCP_INFO`, `tcp(7)`); so a peer that stops is noticed after one to two
    /// times this. Zero or longer. For what is left when a worker closes, ``WorkerOptions/sendTimeLimit`` takes the place of this, if there is one.
    public var closeTimeLimit: Duration

    /// How long the end of a dropped connection may take in all, also if the peer takes something all the time; `nil` for as long
    /// as that goes on. Zero or longer.
    public var wholeCloseTimeLimit: Duration?

    /// How long in all a peer is heard out that had said something which was not received when its connection was dropped: what it
    /// says is thrown away until it ends its side, since a close would reset the connection, and it might lose what it was sent.
    /// Then the connection is reset. Zero or longer.
    public var lingerTimeLimit: Duration

    /// How many of one listener's connections are heard out at a time: 0 or more. One more resets that which has been for longest.
    public var lingerLimit: Int

    /// How long connections have to end when the server stops; those that have not ended by then are reset. See
    /// ``Server/requestStop(within:)``. Zero or longer.
    public var stopTimeLimit: Duration

    /// Options of every listen socket that is given none of its own; see ``SocketOption`` for what connections inherit.
    public var socketOptions: [SocketOption]

    /// How many listeners a server may have: 0 or more.
    public var listenerLimit: Int

    /// How connections are accepted, where the kernel leaves a choice.
    public var acceptMode: AcceptMode

    /// What to do when descriptors or memory run out. Whatever it is, `handleInfo` hears of it.
    public var whenExhausted: Exhaustion

    /// Who may come in; `nil` for everybody. Servers that are given the same one share its limits, as the shards of a ``ServerGroup`` do.
    public var admission: Admission?

    /// How many messages may wait for the behavior: 0 or more, or `nil` for as many as memory holds. What others wish of the
    /// server itself, to stop or to remove a listener, is taken in any case.
    public var mailboxLimit: Int?

    /// What to do about a message that finds the mailbox full.
    public var whenMailboxIsFull: FullMailbox

    /// How many buffers the connections of all workers share to receive into: a power of two from 1 to 32,768. They are made
    /// when there is a worker, and taken by the kernel when bytes arrive, so that an idle connection holds none.
    public var receiveBufferCount: Int

    /// How many bytes each holds: the most that is delivered at a time without being put together. From 1 to 2 GiB less one.
    public var receiveBufferSize: Int

    /// How many completions the server takes from the kernel at a time: from 1 to 65,536; the ring rounds up to a power of two. It is also
    /// how many connections one listener is served before it is another's turn, and how many are accepted ahead of their being
    /// delivered.
    public var quantum: Int

    /// Which engine the server is to run on, and how.
    public var engine: EngineOptions

    /// How connections are accepted.
    public enum AcceptMode: Hashable, Sendable {
        /// As many as come, with one operation, until the completion queue is full. Needs Linux 5.19; on older kernels a
        /// server accepts one at a time.
        case multishot
        /// One at a time: the next is accepted after the callback for this one has returned.
        case oneShot
    }

    /// What a listener does that cannot accept because descriptors or memory have run out (`EMFILE`, `ENFILE`, `ENOBUFS`,
    /// `ENOMEM` of `accept(2)`).
    public enum Exhaustion: Hashable, Sendable {
        /// Lets clients wait in its accept queue, and tries again as soon as the server frees a descriptor, else after 250 ms,
        /// 500 ms, then every second. Nobody is lost.
        case park
        /// Tells clients at once, with a reset, instead of letting them wait: for clients that have somewhere else to go. Takes a
        /// descriptor in reserve, with which such connections are accepted; they count as discarded, and as
        /// ``ServerCounters/shed``. Where the reserve does not help, since memory has run out or somebody else took the
        /// descriptor, a listener parks.
        case shed
        /// Stops the server with ``ServerError/Code/outOfResources``, for whoever supervises it to start it again.
        case stop
    }

    /// What a server does about a message for which its mailbox has no room. Whatever it is, the sender is thrown an error.
    public enum FullMailbox: Hashable, Sendable {
        /// Refuses the message and goes on.
        case refuse
        /// Stops the server with ``ServerError/Code/mailboxFull``, for whoever supervises it to start it again: a server that is
        /// so far behind will not catch up.
        case stop
    }

    /// Options for a server; the defaults serve the highest connection rate.
    public init(
        closeTimeLimit: Duration = .seconds(5),
        wholeCloseTimeLimit: Duration? = nil,
        lingerTimeLimit: Duration = .seconds(30),
        lingerLimit: Int = 1024,
        stopTimeLimit: Duration = .seconds(20),
        socketOptions: [SocketOption] = [],
        listenerLimit: Int = 1024,
        acceptMode: AcceptMode = .multishot,
        whenExhausted: Exhaustion = .park,
        admission: Admission? = nil,
        mailboxLimit: Int? = 1 << 20,
        whenMailboxIsFull: FullMailbox = .refuse,
        receiveBufferCount: Int = 256,
        receiveBufferSize: Int = 16 << 10,
        quantum: Int = 256,
        engine: EngineOptions = EngineOptions()
    ) {
        self.closeTimeLimit = closeTimeLimit
        self.wholeCloseTimeLimit = wholeCloseTimeLimit
        self.lingerTimeLimit = lingerTimeLimit
        self.lingerLimit = lingerLimit
        self.stopTimeLimit = stopTimeLimit
        self.socketOptions = socketOptions
        self.listenerLimit = listenerLimit
        self.acceptMode = acceptMode
        self.whenExhausted = whenExhausted
        self.admission = admission
        self.mailboxLimit = mailboxLimit
        self.whenMailboxIsFull = whenMailboxIsFull
        self.receiveBufferCount = receiveBufferCount
        self.receiveBufferSize = receiveBufferSize
        self.quantum = quantum
        self.engine = engine
    }

    /// Refuses the first option that is out of its range. Asked when a server is made, since each can be set.
    func expectValid() throws(ServerError) {
        try OptionRange.expect("ServerOptions.closeTimeLimit", atLeastZero: closeTimeLimit)
        if let wholeCloseTimeLimit {
            try OptionRange.expect("ServerOptions.wholeCloseTimeLimit", atLeastZero: wholeCloseTimeLimit)
        }
        try OptionRange.expect("ServerOptions.lingerTimeLimit", atLeastZero: lingerTimeLimit)
        try OptionRange.expect("ServerOptions.lingerLimit", lingerLimit, in: 0...Int.max)
        try OptionRange.expect("ServerOptions.stopTimeLimit", atLeastZero: stopTimeLimit)
        for option in socketOptions { try option.expectValid() }
        try OptionRange.expect("ServerOptions.listenerLimit", listenerLimit, in: 0...Int.max)
        if let mailboxLimit { try OptionRange.expect("ServerOptions.mailboxLimit", mailboxLimit, in: 0...Int.max) }
        try OptionRange.expect(
            receiveBufferCount.nonzeroBitCount == 1 && (1...1 << 15).contains(receiveBufferCount),
            "ServerOptions.receiveBufferCount",
            receiveBufferCount,
            "a power of two from 1 to 32768"
        )
        try OptionRange.expect("ServerOptions.receiveBufferSize", receiveBufferSize, in: 1...Int(Int32.max))
        // The kernel's own limit (`io_uring_setup(2)`).
        try OptionRange.expect("ServerOptions.quantum", quantum, in: 1...1 << 16)
        try engine.expectValid()
    }
}
