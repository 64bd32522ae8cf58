/// A behavior whose type the loop need not know.
///
/// The loop is compiled once for each engine instead of once for each behavior and engine; what that costs is one
/// dynamic call a callback. Owned by the server, then by its loop; used by the loop's thread.
class BehaviorBox {
    // A pointer, because a stored property would be checked for exclusive access at every look.
    private final let inbox: UnsafeMutablePointer<Inbox>
    /// Where the behavior is.
    final let behavior: UnsafeMutableRawPointer

    init(_ mailbox: Mailbox, behavior: UnsafeMutableRawPointer) {
        inbox = .allocate(capacity: 1)
        inbox.initialize(to: Inbox(mailbox))
        self.behavior = behavior
    }

    deinit {
        inbox.deinitialize(count: 1)
        inbox.deallocate()
    }

    /// The server, from when it runs until its loop ends.
    final var server: AnyObject?

    /// Where new messages are.
    final var mailbox: Mailbox { inbox.pointee.mailbox }
    /// The calls that wait for the behavior.
    final var ledger: CallLedger { mailbox.ledger }

    func begin(_ context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    /// Whether a message waits to be handled.
    func hasMessage(isSuspended: Bool) -> Bool { inbox.pointee.hasMessage(isSuspended: isSuspended) }

    /// How many messages wait for the behavior.
    final var messageCount: Int { inbox.pointee.mailbox.count }

    /// Handles the next message, if there is one; `nil` when the behavior was not asked for its verdict. A suspended server
    /// handles only what does not concern its behavior.
    final func handleMessage(isSuspended: Bool, _ context: borrowing ServerContext) throws -> Verdict? {
        try inbox.pointee.next(isSuspended: isSuspended)?.deliver(to: behavior, context)
    }

    /// Refuses messages from now on, and drops those that wait.
    func closeMailbox(_ reason: StopReason) {
        inbox.pointee.mailbox.close(reason)
        inbox.pointee.removeAll()
    }

    func handleContinue(_ context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        fatalError("abstract")
    }

    /// Ends the behavior's life; nothing may be called afterwards.
    func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        fatalError("abstract")
    }
}

extension BehaviorBox {
    /// Begins the behavior. One that throws, or declines, cannot be served.
    func beginUnlessDeclined(_ context: borrowing ServerContext) throws(ServerError) -> Verdict {
        let verdict: Verdict
        do {
            verdict = try begin(context)
        } catch {
            throw ServerError(.beginFailed, operation: "begin", cure: "the behavior cannot start: \(error)")
        }
        if case .stop(let words) = verdict.next {
            let cure = words.isEmpty ? "the behavior declined to start" : "the behavior declined to start: \(words)"
            throw ServerError(.declined, operation: "begin", cure: cure)
        }
        return verdict
    }
}
