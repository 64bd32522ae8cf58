internal import Synchronization

/// A call on its way: what its caller waits for, and what may end it.
///
/// Held by the caller while it waits, by the server's ledger, and by the ``Caller`` the server has. Any thread may use it.
///
/// ```
///  waiting ── the first reply, or let go of ──▶ decided ── that has left ──▶ settled
///     └── too late, canceled, or the server has stopped; also when decided ──▶ settled
/// ```
final class PendingCall<Reply: Sendable>: Sendable, WaitingCall {
    let outcome = Outcome<Result<Reply, CallError>>()
    private let ledger: CallLedger
    /// The server has replied, or cannot any more.
    private let isDecided = Atomic<Bool>(false)

    init(_ ledger: CallLedger) {
        self.ledger = ledger
    }

    /// The server replies.
    func answer(_ reply: Reply) {
        guard decide() else { return }
        ledger.afterCallback { [outcome] _ in outcome.resolve(.success(reply)) }
    }

    /// The server cannot reply any more. One that is stopping says why it does.
    func forget() {
        guard decide() else { return }
        ledger.afterCallback { [outcome] end in outcome.resolve(.failure(end.map(CallError.stopped) ?? .unanswered)) }
    }

    /// Decides the call; returns whether nobody had before.
    ///
    /// Apart from settling it, because a reply made in a callback leaves later: letting go of the last ``Caller`` meanwhile,
    /// on whatever thread, does not take the reply back.
    private func decide() -> Bool {
        !isDecided.exchange(true, ordering: .acquiringAndReleasing)
    }

    func fail(_ error: CallError) {
        outcome.resolve(.failure(error))
    }
}
