/// The server, as its behavior and its workers use it during a callback.
///
/// A context is lent to the callback and cannot be kept. None of its methods waits. It belongs to the server's thread; a debug build checks
/// that.
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

    /// The server itself, for code that outlives the callback: a task, a thread, another server.
    ///
    /// Inside a behavior: `let me: Server<Self> = context.server()`.
    ///
    /// - Precondition: `Behavior` is the type of this server's behavior.
    public func server<Behavior: NonBlockingServer & ~Copyable>() -> Server<Behavior> {
        guard let server = state.pointee.behavior.server as? Server<Behavior> else {
            preconditionFailure("this server's behavior is of another type than \(Behavior.self)")
        }
        return server
    }

    /// The addresses that the server listens on now, with the ports that the kernel chose.
    public var addresses: [SocketAddress] { state.pointee.addresses }

    /// What the server has counted so far, and how many connections are open.
    public var counters: ServerCounters { state.pointee.countersNow }

    /// The engine that the server runs on, what it can do here, and why no more.
    public var engine: EngineReport { state.pointee.engine }

    /// The server's status at this moment.
    public var status: ServerStatus { ServerStatus(state) }
}
