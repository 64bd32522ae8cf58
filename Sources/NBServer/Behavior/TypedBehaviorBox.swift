/// The box of one behavior.
final class TypedBehaviorBox<Behavior: NonBlockingServer & ~Copyable>: BehaviorBox {
    // A pointer, because a stored property would be checked for exclusive access at every callback, and because
    // `terminate` consumes the value.
    private let behavior: UnsafeMutablePointer<Behavior>
    private var isAlive = true
    private var inbox: Inbox<Behavior>

    init(_ behavior: consuming Behavior, _ mailbox: Mailbox<Behavior>) {
        inbox = Inbox(mailbox)
        self.behavior = .allocate(capacity: 1)
        self.behavior.initialize(to: behavior)
        super.init((mailbox.ledger, mailbox.head))
    }

    deinit {
        if isAlive { behavior.deinitialize(count: 1) }
        behavior.deallocate()
    }

    override func begin(_ context: borrowing ServerContext) throws -> Verdict {
        try behavior.pointee.begin(context)
    }

    override func newConnection(
        _ connection: consuming Connection,
        _ context: borrowing ServerContext
    ) throws -> Verdict {
        try behavior.pointee.newConnection(connection, context)
    }

    override var messageCount: Int { inbox.mailbox.count }

    override func handleMessage(isSuspended: Bool, _ context: borrowing ServerContext) throws -> Verdict? {
        let message = inbox.next(isSuspended: isSuspended)
        inboxCounts = inbox.counts
        switch message {
        case .call(let call): return try behavior.pointee.handleCall(call, context)
        case .cast(let cast): return try behavior.pointee.handleCast(cast, context)
        case .look(let body): body(&behavior.pointee)
        case .request(let body), .work(let body): body(context)
        case nil: break
        }
        return nil
    }

    override func closeMailbox(_ reason: StopReason) {
        inbox.mailbox.close(reason)
        inbox.removeAll()
        inboxCounts = inbox.counts
    }

    /// Has the behavior handle a cast when the present callback has returned.
    func cast(_ message: Behavior.Cast) throws(CastError) {
        try inbox.mailbox.put(.cast(message))
    }

    override func handleContinue(_ context: borrowing ServerContext) throws -> Verdict {
        try behavior.pointee.handleContinue(context)
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
