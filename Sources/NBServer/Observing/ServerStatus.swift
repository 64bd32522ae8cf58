/// What can be said of a server at one moment.
public struct ServerStatus: Hashable, Sendable {
    /// Its listeners that are not closed.
    public let listeners: [ListenerStatus]
    /// Connections that have not ended: the behavior's, its workers', those the server keeps, and those being sent out.
    public let connections: Int
    /// Messages that wait to be handled.
    public let mailboxLength: Int
    /// Messages that found the mailbox full, and whose senders were told.
    public let refusedMessages: UInt64
    /// Whether messages wait until the server is resumed.
    public let isSuspended: Bool
    /// Whether it accepts nobody new and stops when its connections have ended.
    public let isDraining: Bool
    /// What it has counted.
    public let counters: ServerCounters
    /// How long it has run.
    public let uptime: Duration
    /// Which engine it runs on, what that can do here, and why no more.
    public let engine: EngineReport

    init(_ state: UnsafeMutablePointer<LoopState>) {
        let table = state.pointee.listeners
        listeners = table.pointee.open.map { ListenerStatus(table.pointee[$0]) }
        connections = state.pointee.connections.pointee.count
        mailboxLength = state.pointee.behavior.messageCount
        refusedMessages = state.pointee.control.refusals
        isSuspended = state.pointee.isSuspended
        isDraining = state.pointee.drain != nil
        counters = state.pointee.counters.pointee
        uptime = state.pointee.startedAt.duration(to: state.pointee.clock())
        engine = state.pointee.engine
    }
}
