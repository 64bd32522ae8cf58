/// The status of a server at one moment.
public struct ServerStatus: Hashable, Sendable {
    /// The listeners that are not closed.
    public let listeners: [ListenerStatus]
    /// How many messages wait to be handled.
    public let mailboxLength: Int
    /// Whether messages wait until ``Server/resumeMessages(within:)``.
    public let isSuspended: Bool
    /// Whether the server drains: it accepts no new clients, and stops when its connections have ended.
    public let isDraining: Bool
    /// What the server has counted, and what is open.
    public let counters: ServerCounters
    /// How long the server has run.
    public let uptime: Duration
    /// The engine that the server runs on, what it can do here, and why no more.
    public let engine: EngineReport

    /// A status with these values.
    public init(
        listeners: [ListenerStatus],
        mailboxLength: Int,
        isSuspended: Bool,
        isDraining: Bool,
        counters: ServerCounters,
        uptime: Duration,
        engine: EngineReport
    ) {
        self.listeners = listeners
        self.mailboxLength = mailboxLength
        self.isSuspended = isSuspended
        self.isDraining = isDraining
        self.counters = counters
        self.uptime = uptime
        self.engine = engine
    }

    init(_ state: UnsafeMutablePointer<LoopState>) {
        let (table, server) = (state.pointee.listeners, state.pointee.control.server)
        self.init(
            listeners: table.pointee.open.map { ListenerStatus(table.pointee[$0], of: server) },
            mailboxLength: state.pointee.behavior.messageCount,
            isSuspended: state.pointee.isSuspended,
            isDraining: state.pointee.drain != nil,
            counters: state.pointee.countersNow,
            uptime: state.pointee.startedAt.duration(to: state.pointee.clock()),
            engine: state.pointee.engine
        )
    }
}

extension ServerStatus: CustomStringConvertible {
    /// The status for a log, in one line.
    public var description: String {
        var parts = ["running for \(uptime)"]
        if isDraining { parts.append("draining") }
        if isSuspended { parts.append("messages suspended") }
        parts.append(listeners.isEmpty ? "no listeners" : listeners.map(\.description).joined(separator: ", "))
        if mailboxLength > 0 { parts.append("\(mailboxLength) messages waiting") }
        parts.append(counters.description)
        parts.append(engine.description)
        return parts.joined(separator: "; ")
    }
}

extension ServerStatus: Codable {
    private enum CodingKeys: String, CodingKey {
        case listeners, mailboxLength, isSuspended, isDraining, counters, uptimeNanoseconds, engine
    }

    /// Reads a status.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            listeners: try container.decode([ListenerStatus].self, forKey: .listeners),
            mailboxLength: try container.decode(Int.self, forKey: .mailboxLength),
            isSuspended: try container.decode(Bool.self, forKey: .isSuspended),
            isDraining: try container.decode(Bool.self, forKey: .isDraining),
            counters: try container.decode(ServerCounters.self, forKey: .counters),
            uptime: .nanoseconds(try container.decode(Int64.self, forKey: .uptimeNanoseconds)),
            engine: try container.decode(EngineReport.self, forKey: .engine)
        )
    }

    /// Writes the status. The uptime is in whole nanoseconds, at most 2⁶³.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(listeners, forKey: .listeners)
        try container.encode(mailboxLength, forKey: .mailboxLength)
        try container.encode(isSuspended, forKey: .isSuspended)
        try container.encode(isDraining, forKey: .isDraining)
        try container.encode(counters, forKey: .counters)
        try container.encode(uptime.wholeNanoseconds, forKey: .uptimeNanoseconds)
        try container.encode(engine, forKey: .engine)
    }
}

extension Duration {
    fileprivate var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooMuch) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflows || isTooMuch ? (seconds < 0 ? .min : .max) : sum
    }
}
