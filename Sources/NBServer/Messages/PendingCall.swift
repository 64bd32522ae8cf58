internal import Synchronization

/// A call on its way, whatever its reply: what its caller waits for, and what may end it.
///
/// Held by its caller while it waits, by the server's ledger, by the clock of calls while it has a time limit, and by the ``Caller`` the
/// server has. Any thread may use it.
///
/// ```
///  waiting ── the first reply, or let go of ──▶ decided ── that has left ──▶ settled
///     └── too late, canceled, or the server has stopped; also when decided ──▶ settled
/// ```
class PendingCall: @unchecked Sendable {
    /// Why it has failed; `nil` when it has a reply.
    final let outcome = Outcome<CallError?>()
    fileprivate let ledger: CallLedger
    /// The server has replied, or cannot any more.
    private let isDecided = Atomic<Bool>(false)
    /// The reply is there, for whom the call is settled. Written once, by the thread that decides.
    final fileprivate(set) var hasReply = false
    /// Its number in the ledger, which knows it.
    final var number: UInt64 = 0

    fileprivate init(_ ledger: CallLedger) {
        self.ledger = ledger
    }

    /// The server cannot reply any more. One that is stopping says why it does.
    final func forget() {
        guard decide() else { return }
        ledger.afterCallback(self)
    }

    /// Decides the call; returns whether no other had before.
    ///
    /// Apart from settling it, because a reply made in a callback leaves later: letting go of the last ``Caller`` meanwhile,
    /// on whatever thread, does not take the reply back.
    final fileprivate func decide() -> Bool {
        !isDecided.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// Settles what was decided. A server that is stopping says why it does.
    final func settle(_ end: StopReason?) {
        outcome.resolve(hasReply ? nil : end.map(CallError.stopped) ?? .unanswered)
    }

    /// Ends it without an answer, unless it has one.
    final func fail(_ error: CallError) {
        outcome.resolve(error)
    }
}

/// A call that waits for a reply of some type, which lies in its own memory until the caller takes it.
///
/// What waits, ends and keeps account of calls has no need of that type, and does not pay for looking it up; see ``Message``.
final class TypedCall<Reply: Sendable>: PendingCall, @unchecked Sendable {
    private let reply = UnsafeMutablePointer<Reply>.allocate(capacity: 1)

    override init(_ ledger: CallLedger) {
        super.init(ledger)
    }

    deinit {
        if hasReply { reply.deinitialize(count: 1) }
        reply.deallocate()
    }

    /// The server replies.
    func answer(_ reply: Reply) {
        guard decide() else { return }
        self.reply.initialize(to: reply)
        hasReply = true
        ledger.afterCallback(self)
    }

    /// What the call has come to; `nil` before it is settled.
    var result: Result<Reply, CallError>? {
        guard let failure = outcome.value else { return nil }
        return failure.map { .failure($0) } ?? .success(reply.pointee)
    }

    /// The reply of a call that is settled.
    func get(_ failure: CallError?) throws(CallError) -> Reply {
        if let failure { throw failure }
        return reply.pointee
    }
}
