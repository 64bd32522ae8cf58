/// How a worker's connections receive and send, and what limits they have. When a value is out of its range, every connection
/// that is given to a worker of that type ends with an error, ``ServerError/Code/invalidOption``; see
/// ``ServerContext/assign(_:to:options:)``.
public struct WorkerOptions: Hashable, Sendable {
    /// How often what arrives is delivered, at first.
    public var receiving: ReceiveMode
    /// What is delivered at a time.
    public var framing: Framing
    /// The longest frame, in bytes without its header or line end, from 1 to 2 GiB less one; a longer one ends the connection,
    /// with ``CloseReason/frameTooLong``. Also the most that can be asked for by ``WorkerConnection/receive(exactly:)``.
    public var frameLimit: Int
    /// Whether bytes behind the last line feed are delivered as a line when the peer ends its side, as if a line feed followed.
    /// Without it they are an unfinished frame, as the first part of a frame with a header always is:
    /// ``CloseReason/frameCut(byteCount:)``.
    public var deliversUnterminatedLine: Bool
    /// How long nothing may be received or sent, above zero; `nil` for as long as it likes, as with the next two. When it has passed,
    /// ``ConnectionWorker/timedOut(_:on:)`` is called.
    public var idleTimeLimit: Duration?
    /// How long what is asked for may take to come, a frame to be complete: a peer that sends byte by byte gains nothing.
    public var receiveTimeLimit: Duration?
    /// How long the peer may take nothing of what is queued, also after the worker has closed. What it takes out of the kernel's
    /// own buffer counts, and is asked for when the time has passed (`tcp(7)`): so a peer that stops is noticed after one to two
    /// times this.
    public var sendTimeLimit: Duration?
    /// How many bytes may be queued before ``WorkerConnection/isWritable`` says that it is enough; ``sendLowWater`` or more.
    public var sendHighWater: Int
    /// How many bytes may be left of them when ``ConnectionWorker/becameWritable(_:)`` is called; 0 or more.
    public var sendLowWater: Int
    /// The most bytes that may be queued, ``sendHighWater`` or more; a longer queue ends the connection, with
    /// ``CloseReason/queueTooLong``.
    public var sendQueueLimit: Int

    /// How many of a worker's runs may be under way at a time, from 1 to 2,147,483,647; then nothing is received until one has ended. See
    /// ``WorkerConnection/run(_:)``.
    public var runLimit: Int

    /// How often a worker is given what has arrived. Erlang's `active`.
    public enum ReceiveMode: Hashable, Sendable {
        /// Always, but for rests: while more than ``WorkerOptions/sendHighWater`` waits to be sent, until ``WorkerOptions/sendLowWater`` is
        /// left, and while the worker awaits something by ``WorkerConnection/run(_:)``.
        case continuous
        /// Once; then ask again, by ``WorkerConnection/receive()``.
        case once
        /// So many times, from 0 to 2,147,483,647; then ask again.
        case count(Int)
        /// When it asks.
        case manual
    }

    /// What a worker is given at a time. Erlang's `packet`.
    public enum Framing: Hashable, Sendable {
        /// Bytes as they arrive.
        case raw
        /// Frames that follow a header with their length as a big-endian number, which does not count the header.
        case lengthHeader(LengthHeader)
        /// Lines, without the line feed, or carriage return and line feed, that ends them. The end of the stream ends a line too;
        /// see ``WorkerOptions/deliversUnterminatedLine``.
        case line
    }

    /// The size of a header that tells a frame's length; the raw value is how many bytes it has.
    public enum LengthHeader: Int, Hashable, Sendable {
        /// For frames to 255 bytes.
        case oneByte = 1
        /// For frames to 65,535 bytes.
        case twoBytes = 2
        /// For frames to 4 GiB less one byte.
        case fourBytes = 4

        var greatestLength: Int { 1 << (8 * rawValue) - 1 }
    }

    /// Options; the defaults deliver whatever arrives while the peer takes what it is sent, and have no time limits.
    public init(
        receiving: ReceiveMode = .continuous,
        framing: Framing = .raw,
        frameLimit: Int = 1 << 20,
        deliversUnterminatedLine: Bool = true,
        idleTimeLimit: Duration? = nil,
        receiveTimeLimit: Duration? = nil,
        sendTimeLimit: Duration? = nil,
        sendHighWater: Int = 64 << 10,
        sendLowWater: Int = 0,
        sendQueueLimit: Int = 32 << 20,
        runLimit: Int = 1
    ) {
        self.receiving = receiving
        self.framing = framing
        self.frameLimit = frameLimit
        self.deliversUnterminatedLine = deliversUnterminatedLine
        self.idleTimeLimit = idleTimeLimit
        self.receiveTimeLimit = receiveTimeLimit
        self.sendTimeLimit = sendTimeLimit
        self.sendHighWater = sendHighWater
        self.sendLowWater = sendLowWater
        self.sendQueueLimit = sendQueueLimit
        self.runLimit = runLimit
    }

    /// Refuses the first option that is out of its range, by the name of the whole. Asked when a server first meets them, since each can
    /// be set.
    func expectValid(_ name: String) throws(ServerError) {
        if case .count(let count) = receiving { try OptionRange.expect("\(name).receiving", count, in: Self.counts) }
        try OptionRange.expect("\(name).frameLimit", frameLimit, in: 1...Int(Int32.max))
        try expectTime("\(name).idleTimeLimit", idleTimeLimit)
        try expectTime("\(name).receiveTimeLimit", receiveTimeLimit)
        try expectTime("\(name).sendTimeLimit", sendTimeLimit)
        try OptionRange.expect("\(name).sendLowWater", sendLowWater, in: 0...Int.max)
        try OptionRange.expect("\(name).sendHighWater", sendHighWater, in: sendLowWater...Int.max)
        try OptionRange.expect("\(name).sendQueueLimit", sendQueueLimit, in: sendHighWater...Int.max)
        try OptionRange.expect("\(name).runLimit", runLimit, in: 1...Int(Int32.max))
    }

    /// How many deliveries can be asked for at once.
    static let counts = 0...Int(Int32.max)

    private func expectTime(_ option: String, _ limit: Duration?) throws(ServerError) {
        guard let limit else { return }
        try OptionRange.expect(limit > .zero, option, limit, "longer than zero, or nil")
    }
}
