internal import Synchronization

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
    private let state = Mutex(State())
    private let control: LoopControl
    private let limit: Int?
    private let answerWhenFull: ServerOptions.FullMailbox

    /// How many wait to be taken. Changed under the lock; looked at without, by a loop that is about to sleep.
    private let waitingCount = Atomic<Int>(0)
    /// How many calls and casts wait to be handled.
    private let unhandledCount = Atomic<Int>(0)

    init(_ control: LoopControl, _ options: ServerOptions = ServerOptions()) {
        self.control = control
        limit = options.mailboxLimit
        answerWhenFull = options.fullMailbox
    }

    /// How many calls and casts wait to be handled.
    var count: Int { unhandledCount.load(ordering: .relaxed) }

    /// Whether there is something to take.
    var hasMessages: Bool { waitingCount.load(ordering: .sequentiallyConsistent) > 0 }

    /// Puts a message in, and wakes the loop if it sleeps.
    func put(_ message: consuming Message<Behavior>) throws(CastError) {
        let message = message
        let refusal: CastError? = state.withLock { state in
            if let end = state.end { return .stopped(end) }
            if let limit, message.isForBehavior, count >= limit { return .mailboxFull(limit: limit) }
            state.messages.append(message)
            if message.isForBehavior { unhandledCount.add(1, ordering: .relaxed) }
            waitingCount.store(state.messages.count, ordering: .sequentiallyConsistent)
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
        state.withLock { state in
            swap(&state.messages, &messages)
            waitingCount.store(0, ordering: .relaxed)
        }
    }

    /// A call or cast that was taken is handled now. Loop's thread.
    func noteHandled() {
        unhandledCount.subtract(1, ordering: .relaxed)
    }

    /// Refuses messages from now on, and drops those that wait; who called is told why.
    func close(_ reason: StopReason) {
        ledger.noteEnd(reason)
        let dropped = state.withLock { state in
            if state.end == nil { state.end = reason }
            waitingCount.store(0, ordering: .relaxed)
            defer { state.messages = [] }
            return state.messages
        }
        unhandledCount.subtract(dropped.count { $0?.isForBehavior == true }, ordering: .relaxed)
    }
}
