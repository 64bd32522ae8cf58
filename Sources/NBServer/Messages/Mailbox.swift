/// Messages on their way to a server.
///
/// Any thread may put one in, and never waits for more than another that does the same; the loop takes all of them at once.
/// What one thread puts in comes out in that order.
///
/// ```
///  open ── the server is about to stop ──▶ closed: refuses everything, with the reason
/// ```
final class Mailbox<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    private struct State {
        var messages: [Message<Behavior>?] = []
        /// Why it is closed, if it is.
        var end: StopReason?
    }

    let ledger = CallLedger()
    private let state = Lock(State())
    private let control: LoopControl
    private let limit: Int?
    private let answerWhenFull: ServerOptions.FullMailbox

    init(_ control: LoopControl, _ options: ServerOptions = ServerOptions()) {
        self.control = control
        limit = options.mailboxLimit
        answerWhenFull = options.fullMailbox
    }

    /// Puts a message in, and wakes the loop if it sleeps.
    func put(_ message: consuming Message<Behavior>) throws(CastError) {
        let message = message
        let refusal: CastError? = state.withLock { state in
            if let end = state.end { return .stopped(end) }
            if let limit, message.isForBehavior, control.messageCount >= limit { return .mailboxFull(limit: limit) }
            state.messages.append(message)
            control.noteMessage()
            return nil
        }
        if case .mailboxFull = refusal { noteFull() }
        if let refusal { throw refusal }
        control.wakeIfAsleep()
    }

    private func noteFull() {
        control.noteRefusal()
        if answerWhenFull == .stop { control.requestStopForFullMailbox() }
    }

    /// Takes everything, into an array that is empty. Loop's thread.
    func take(into messages: inout [Message<Behavior>?]) {
        state.withLock { swap(&$0.messages, &messages) }
    }

    /// A message that was taken is handled now. Loop's thread.
    func noteHandled() {
        control.noteHandled()
    }

    /// Refuses messages from now on, and drops those that wait; who called is told why.
    func close(_ reason: StopReason) {
        ledger.noteEnd(reason)
        let dropped = state.withLock { state in
            if state.end == nil { state.end = reason }
            defer { state.messages = [] }
            return state.messages
        }
        control.noteHandled(dropped.count)
    }
}
