/// How a worker's connections receive and send, and what their limits are. If a value is out of its range, every connection that is given
/// to a worker with these options ends with ``ServerError/Code/invalidOption``; see ``ServerContext/assign(_:to:options:)``.
public struct WorkerOptions: Hashable, Sendable {
    /// How often input is delivered, until ``WorkerConnection/receive(_:)`` changes it.
    public var receiving: ReceiveMode
    /// What one delivery has, until ``WorkerConnection/setFraming(_:)`` changes it.
    public var framing: Framing
    /// The longest frame in bytes, without its header or line end: from 1 to 2,147,483,647. A longer frame ends the connection with
    /// ``CloseReason/frameTooLong``. Also the most that ``WorkerConnection/receive(exactly:)`` can ask for.
    public var frameLimit: Int
    /// Whether bytes after the last line feed are delivered as a line when the peer ends its side. If not, they are a cut frame,
    /// ``CloseReason/frameCut(byteCount:)``, as an incomplete frame with a header always is.
    public var deliversUnterminatedLine: Bool
    /// How long the connection may go without receiving or sending. Above zero, or `nil` for no limit. Then
    /// ``ConnectionWorker/timedOut(_:on:)`` is called.
    public var idleTimeLimit: Duration?
    /// How long a complete delivery may take from when the worker asked for it, or from the last one. A peer that sends byte by byte does
    /// not extend it. Above zero, or `nil` for no limit.
    public var receiveTimeLimit: Duration?
    /// How long the peer may go without taking any queued bytes, also after the worker has closed. Above zero, or `nil` for no limit. Bytes
    /// that the peer takes from the kernel's buffer count; the server asks the kernel for them when the limit has passed (`TCP_INFO`,
    /// `tcp(7)`), so it notices a peer that stops after one to two times this limit.
    public var sendTimeLimit: Duration?
    /// How many bytes may be queued while ``WorkerConnection/isWritable`` is true. ``sendLowWater`` or more.
    public var sendHighWater: Int
    /// How many queued bytes are left when ``ConnectionWorker/becameWritable(_:)`` is called. 0 or more.
    public var sendLowWater: Int
    /// The most bytes that may be queued: ``sendHighWater`` or more. A longer queue resets the connection, with
    /// ``CloseReason/queueTooLong``.
    public var sendQueueLimit: Int

    /// How many tasks of ``WorkerConnection/run(_:)`` a connection may have at a time: from 1 to 2,147,483,647. With as many as that,
    /// nothing is delivered until one has ended.
    public var runLimit: Int

    /// How often input is delivered to a worker. Erlang's `active`.
    public enum ReceiveMode: Hashable, Sendable {
        /// Always, with two rests: from more than ``WorkerOptions/sendHighWater`` queued bytes until ``WorkerOptions/sendLowWater`` are
        /// left; and while the worker awaits ``WorkerConnection/run(_:)``.
        case continuous
        /// Once. Then the worker asks again, with ``WorkerConnection/receive()``.
        case once
        /// This many times, from 0 to 2,147,483,647. Then the worker asks again.
        case count(Int)
        /// Only when the worker asks.
        case manual
    }

    /// What one delivery has. Erlang's `packet`.
    public enum Framing: Hashable, Sendable {
        /// Bytes as they arrive.
        case raw
        /// Frames behind a header with their length, a big-endian number that does not count the header.
        case lengthHeader(LengthHeader)
        /// Lines, without the line feed, or carriage return and line feed, that ends them. The end of the stream also ends a line; see
        /// ``WorkerOptions/deliversUnterminatedLine``.
        case line
    }

    /// The size of a length header. The raw value is its number of bytes.
    public enum LengthHeader: Int, Hashable, Sendable {
        /// For frames up to 255 bytes.
        case oneByte = 1
        /// For frames up to 65,535 bytes.
        case twoBytes = 2
        /// For frames up to 4,294,967,295 bytes.
        case fourBytes = 4

        var greatestLength: Int { 1 << (8 * rawValue) - 1 }
    }

    /// Options with these values; see the properties. The defaults receive continuously, with back-pressure, and have no time limits.
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
    func expectValid(_ name: @autoclosure () -> String) throws(ServerError) {
        if case .count(let count) = receiving { try OptionRange.expect("\(name()).receiving", count, in: Self.counts) }
        try OptionRange.expect("\(name()).frameLimit", frameLimit, in: 1...Int(Int32.max))
        try expectTime("\(name()).idleTimeLimit", idleTimeLimit)
        try expectTime("\(name()).receiveTimeLimit", receiveTimeLimit)
        try expectTime("\(name()).sendTimeLimit", sendTimeLimit)
        try OptionRange.expect("\(name()).sendLowWater", sendLowWater, in: 0...Int.max)
        try OptionRange.expect("\(name()).sendHighWater", sendHighWater, in: sendLowWater...Int.max)
        try OptionRange.expect("\(name()).sendQueueLimit", sendQueueLimit, in: sendHighWater...Int.max)
        try OptionRange.expect("\(name()).runLimit", runLimit, in: 1...Int(Int32.max))
    }

    var hasTimeLimits: Bool { idleTimeLimit != nil || receiveTimeLimit != nil || sendTimeLimit != nil }

    /// How many deliveries can be asked for at once.
    static let counts = 0...Int(Int32.max)

    private func expectTime(_ option: @autoclosure () -> String, _ limit: Duration?) throws(ServerError) {
        guard let limit else { return }
        // A shorter one is none: it would pass again and again within one moment of the clock.
        try OptionRange.expect(limit >= .nanoseconds(1), option(), limit, "a nanosecond or longer, or nil")
    }
}
