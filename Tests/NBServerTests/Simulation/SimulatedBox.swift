@testable import NBServer

/// A behavior's box that lets others act between the loop's look for messages and what it does about it, and that tells when
/// the server stops.
final class SimulatedBox: BehaviorBox {
    private let box: TypedBehaviorBox<SimulatedBehavior>
    private unowned let history: SimulatedHistory

    init(_ history: SimulatedHistory) {
        self.history = history
        box = TypedBehaviorBox(SimulatedBehavior(history: history), history.post.mailbox)
        super.init(history.post.mailbox, behavior: box.behavior)
    }

    override func hasMessage(isSuspended: Bool) -> Bool {
        let hasMessage = super.hasMessage(isSuspended: isSuspended)
        if !hasMessage { history.actAfterLook() }
        return hasMessage
    }

    override func closeMailbox(_ reason: StopReason) {
        history.noteEnd(reason)
        super.closeMailbox(reason)
    }

    override func begin(_ context: borrowing ServerContext) throws -> Verdict {
        try box.begin(context)
    }

    override func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        try box.newConnection(connection, in: context)
    }

    override func handleContinue(_ context: borrowing ServerContext) throws -> Verdict {
        try box.handleContinue(context)
    }

    override func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        try box.handleInfo(info, in: context)
    }

    override func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        box.terminate(reason, in: context)
    }
}
