internal import Synchronization

/// A call on its way: what its caller waits for, and what may end it.
///
/// Held by the caller while it waits, by the server's ledger, and by the ``Caller`` the server has. The first to settle it
/// decides what it comes to; any thread may.
final class PendingCall<Reply: Sendable>: Sendable, WaitingCall {
    let outcome = Outcome<Result<Reply, CallError>>()
    private let ledger: CallLedger
    /// The server has replied, though the reply may not have left yet.
    private let isAnswered = Atomic<Bool>(false)

    init(_ ledger: CallLedger) {
        self.ledger = ledger
    }

    /// The server replies; the first time counts.
    func answer(_ reply: Reply) {
        guard !isAnswered.exchange(true, ordering: .relaxed) else { return }
        ledger.afterCallback { [outcome] _ in outcome.settle(.success(reply)) }
    }

    /// The server cannot reply any more. One that is stopping says why it does.
    func forget() {
        guard !isAnswered.load(ordering: .relaxed) else { return }
        ledger.afterCallback { [outcome] end in outcome.settle(.failure(end.map(CallError.stopped) ?? .unanswered)) }
    }

    func fail(_ error: CallError) {
        outcome.settle(.failure(error))
    }
}

/// A call whatever its reply.
protocol WaitingCall: AnyObject, Sendable {
    /// Ends it without an answer, unless it has one.
    func fail(_ error: CallError)
}
