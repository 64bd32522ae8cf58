/// The box of one behavior.
final class TypedBehaviorBox<Behavior: NonBlockingServer & ~Copyable>: BehaviorBox {
    // A pointer, because a stored property would be checked for exclusive access at every callback, and because
    // `terminate` consumes the value.
    private var typedBehavior: UnsafeMutablePointer<Behavior> { behavior.assumingMemoryBound(to: Behavior.self) }
    private var isAlive = true

    init(_ behavior: consuming Behavior, _ mailbox: Mailbox) {
        let place = UnsafeMutablePointer<Behavior>.allocate(capacity: 1)
        place.initialize(to: behavior)
        super.init(mailbox, behavior: place)
    }

    deinit {
        if isAlive { typedBehavior.deinitialize(count: 1) }
        typedBehavior.deallocate()
    }

    override func begin(_ context: borrowing ServerContext) throws -> Verdict {
        try typedBehavior.pointee.begin(context)
    }

    override func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        try typedBehavior.pointee.newConnection(connection, in: context)
    }

    override func handleContinue(_ context: borrowing ServerContext) throws -> Verdict {
        try typedBehavior.pointee.handleContinue(context)
    }

    override func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        try typedBehavior.pointee.handleInfo(info, in: context)
    }

    override func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        precondition(isAlive, "a behavior terminates once")
        isAlive = false
        typedBehavior.move().terminate(reason, in: context)
    }
}
