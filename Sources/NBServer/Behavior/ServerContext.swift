/// The server, as its behavior and its workers see it during a callback.
///
/// Lent to the callback: it cannot be kept. Belongs to the server's thread, which a debug build checks.
public struct ServerContext: ~Copyable {
    private let ownState: UnsafeMutablePointer<LoopState>

    init(_ state: UnsafeMutablePointer<LoopState>) {
        ownState = state
    }

    /// The loop's state. Every use of a context passes here, and in a debug build must come from the server's thread.
    @inline(__always)
    var state: UnsafeMutablePointer<LoopState> {
        assert(
            !ownState.pointee.behavior.ledger.isOffLoopThread,
            "a server's context is used outside of the server's thread: use it inside callbacks only"
        )
        return ownState
    }

    /// The server itself, for what outlives the callback: a task, a thread, another server that is to send it messages.
    ///
    /// ```swift
    /// let me: Server<Self> = context.server()
    /// ```
    ///
    /// - Precondition: the server's behavior is of that type.
    public func server<Behavior: NonBlockingServer & ~Copyable>() -> Server<Behavior> {
        guard let server = state.pointee.behavior.server as? Server<Behavior> else {
            preconditionFailure("this server's behavior is of another type than \(Behavior.self)")
        }
        return server
    }

    /// The addresses the server listens on now, with the ports the kernel chose.
    public var addresses: [SocketAddress] { state.pointee.addresses }

    /// What the server has counted so far, and what it has open.
    public var counters: ServerCounters { state.pointee.countersNow }

    /// Which engine the server runs on, what it can do here, and why no more.
    public var engine: EngineReport { state.pointee.engine }

    /// What can be said of the server at this moment.
    public var status: ServerStatus { ServerStatus(state) }
}
