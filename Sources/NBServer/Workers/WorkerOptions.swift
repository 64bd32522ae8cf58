/// How a worker's connections receive and send, and what limits they have.
public struct WorkerOptions: Hashable, Sendable {
    /// How much is delivered at first.
    public var receiving: ReceiveMode
    /// What is delivered at a time.
    public var framing: Framing
    /// The longest frame, in bytes without its header or line end; a longer one ends the connection. Also the most that can be
    /// asked for by ``WorkerConnection/receive(exactly:)``.
    public var frameLimit: Int
    /// How long nothing may be received or sent.
    public var idleLimit: Duration?
    /// How long what is asked for may take to come, a frame to be complete: a peer that sends byte by byte gains nothing.
    public var receiveLimit: Duration?
    /// How long the peer may take nothing of what is queued.
    public var sendLimit: Duration?
    /// How many bytes may be queued before ``WorkerConnection/send(_:)-(String)`` says that it is enough.
    public var highWater: Int
    /// How many may be left of them when ``ConnectionWorker/writable(_:)`` is called.
    public var lowWater: Int
    /// The most that may be queued; more ends the connection.
    public var queueLimit: Int

    /// How often a worker is given what has arrived. Erlang's `active`.
    public enum ReceiveMode: Hashable, Sendable {
        /// Once; then ask again, by ``WorkerConnection/receive()``.
        case once
        /// Always.
        case continuous
        /// So many times; then ask again.
        case count(Int)
        /// When it asks.
        case manual
    }

    /// What a worker is given at a time. Erlang's `packet`.
    public enum Framing: Hashable, Sendable {
        /// Bytes as they arrive.
        case raw
        /// Frames that follow a header of so many bytes, 1, 2 or 4, with their length as a big-endian number.
        case lengthHeader(bytes: Int)
        /// Lines, without the line feed, or carriage return and line feed, that ends them.
        case line
    }

    /// Options; the defaults are one delivery at a time, of whatever has arrived, and no time limits.
    public init(
        receiving: ReceiveMode = .once,
        framing: Framing = .raw,
        frameLimit: Int = 1 << 20,
        idleLimit: Duration? = nil,
        receiveLimit: Duration? = nil,
        sendLimit: Duration? = nil,
        highWater: Int = 64 << 10,
        lowWater: Int = 0,
        queueLimit: Int = 32 << 20
    ) {
        if case .lengthHeader(let bytes) = framing {
            precondition([1, 2, 4].contains(bytes), "a length header has 1, 2 or 4 bytes")
        }
        precondition(
            frameLimit > 0 && frameLimit <= Int32.max,
            "a frame has a byte at least, and 2 GiB less one at most"
        )
        precondition(lowWater >= 0 && lowWater <= highWater && highWater <= queueLimit, "the marks are in this order")
        self.receiving = receiving
        self.framing = framing
        self.frameLimit = frameLimit
        self.idleLimit = idleLimit
        self.receiveLimit = receiveLimit
        self.sendLimit = sendLimit
        self.highWater = highWater
        self.lowWater = lowWater
        self.queueLimit = queueLimit
    }
}
