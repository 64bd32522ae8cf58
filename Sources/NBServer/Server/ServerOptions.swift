/// How a server runs. Making a server with a value that is out of its range throws ``ServerError/Code/invalidOption``.
public struct ServerOptions: Hashable, Sendable {
    /// How long a dropped connection may stay without progress. Zero or longer.
    ///
    /// The connection is reset if its peer takes none of the queued bytes for this long, or, while it is heard out, neither says anything
    /// nor ends its side. A peer that reads on, however slowly, is not cut off. Acknowledged bytes count as taken; the server asks the
    /// kernel for them (`TCP_INFO`, `tcp(7)`), so it notices a peer that stops after one to two times this limit. After a worker closes,
    /// ``WorkerOptions/sendTimeLimit`` takes the place of this limit, if it is set.
    public var closeTimeLimit: Duration

    /// How long the end of a dropped connection may take in all, even while its peer takes something. `nil` for no limit. Zero or longer.
    public var wholeCloseTimeLimit: Duration?

    /// How long in all the server hears out a peer, after it dropped a connection with unread input. Then the connection is reset. Zero or
    /// longer.
    ///
    /// To hear out is to discard input until the peer ends its side. Closing at once would reset the connection, and the peer might lose
    /// what it was sent.
    public var lingerTimeLimit: Duration

    /// How many connections of one listener are heard out at a time. One more resets the oldest. 0 or more.
    public var lingerLimit: Int

    /// How long connections have to end when the server stops. Connections that are left are then reset. See
    /// ``Server/requestStop(within:)``. Zero or longer.
    public var stopTimeLimit: Duration

    /// Options of every listen socket that has none of its own. ``SocketOption`` says which ones accepted connections inherit.
    public var socketOptions: [SocketOption]

    /// How many listeners a server may have. 0 or more.
    public var listenerLimit: Int

    /// How connections are accepted.
    public var acceptMode: AcceptMode

    /// What a listener does when descriptors or memory run out. `handleInfo` hears of it in any case.
    public var whenExhausted: Exhaustion

    /// Limits on which and how many clients are let in; `nil` for none. Servers with the same admission share its limits, as the shards of
    /// a ``ServerGroup`` do.
    public var admission: Admission?

    /// How many messages may wait for the behavior: 0 or more, or `nil` for no limit. Requests to the server itself, such as to stop or to
    /// remove a listener, are not limited.
    public var mailboxLimit: Int?

    /// What the server does when a message finds the mailbox full.
    public var whenMailboxIsFull: FullMailbox

    /// How many receive buffers the connections of all workers share: a power of two from 1 to 32,768. They are made with the first worker.
    /// The kernel takes a buffer when bytes arrive, so an idle connection holds none.
    public var receiveBufferCount: Int

    /// The size of one receive buffer in bytes: from 1 to 2,147,483,647. A larger delivery is put together from several buffers.
    public var receiveBufferSize: Int

    /// How many completions the server takes from the kernel at a time: from 1 to 65,536. The ring rounds up to a power of two. The quantum
    /// is also how many connections of one listener are served before another listener's turn, and how many are accepted ahead of their
    /// delivery.
    public var quantum: Int

    /// Which engine the server runs on.
    public var engine: EngineOptions

    /// How connections are accepted.
    public enum AcceptMode: Hashable, Sendable {
        /// One operation accepts connection after connection, until the completion queue is full. Needs Linux 5.19. On older kernels the
        /// server accepts one at a time.
        case multishot
        /// One at a time. The next connection is accepted after the callback for this one has returned.
        case oneShot
    }

    /// What a listener does when it cannot accept because descriptors or memory have run out (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` of
    /// `accept(2)`).
    public enum Exhaustion: Hashable, Sendable {
        /// Clients wait in the accept queue, and none is lost. The listener tries again when the server frees a descriptor, else after 250
        /// ms, 500 ms, then every second.
        case park
        /// Clients are reset at once: for clients that have another server to go to. The server holds one descriptor in reserve and accepts
        /// these connections with it. They count as discarded for ``AdmissionReason/descriptors``. If the reserve does not help, because
        /// memory ran out or another thread took the descriptor, the listener parks.
        case shed
        /// The server stops with ``ServerError/Code/outOfResources``, so that a supervisor can restart it.
        case stop
    }

    /// What a server does when a message finds its mailbox full. The sender gets an error in any case.
    public enum FullMailbox: Hashable, Sendable {
        /// Refuses the message and goes on.
        case refuse
        /// Stops with ``ServerError/Code/mailboxFull``, so that a supervisor can restart it: a server this far behind will not catch up.
        case stop
    }

    /// Options with these values; see the properties. The defaults serve the highest connection rate.
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
