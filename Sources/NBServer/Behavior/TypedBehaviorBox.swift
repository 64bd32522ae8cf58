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
