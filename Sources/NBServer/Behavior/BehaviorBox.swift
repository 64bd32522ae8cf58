/// A behavior whose type the loop need not know.
///
/// The loop is compiled once for each engine instead of once for each behavior and engine; what that costs is one
/// dynamic call a callback. Owned by the server, then by its loop; used by the loop's thread.
class BehaviorBox {
    func begin(_ context: borrowing ServerContext) throws {
        fatalError("abstract")
    }

    func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    /// Ends the behavior's life; nothing may be called afterwards.
    func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
        fatalError("abstract")
    }
}

/// The box of one behavior.
final class TypedBehaviorBox<Behavior: NonBlockingServer & ~Copyable>: BehaviorBox {
    // A pointer, because a stored property would be checked for exclusive access at every callback, and because
    // `terminate` consumes the value.
    private let behavior: UnsafeMutablePointer<Behavior>
    private var isAlive = true

    init(_ behavior: consuming Behavior) {
        self.behavior = .allocate(capacity: 1)
        self.behavior.initialize(to: behavior)
    }

    deinit {
        if isAlive { behavior.deinitialize(count: 1) }
        behavior.deallocate()
    }

    override func begin(_ context: borrowing ServerContext) throws {
        try behavior.pointee.begin(context)
    }

    override func newConnection(
        _ connection: consuming Connection,
        _ context: borrowing ServerContext
    ) throws -> Verdict {
        try behavior.pointee.newConnection(connection, context)
    }

    override func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) throws -> Verdict {
        try behavior.pointee.handleInfo(info, context)
    }

    override func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
        precondition(isAlive, "a behavior terminates once")
        isAlive = false
        behavior.move().terminate(reason, context)
    }
}
