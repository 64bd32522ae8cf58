internal import NBEngine
internal import Synchronization

/// A call on its way, whatever its reply: what its caller waits for, and what may end it.
///
/// Held by its caller while it waits, by the server's ledger, by the clock of calls while it has a time limit, and by the ``Caller`` the
/// server has. Any thread may use it; one thread or task waits.
///
/// ```
///  what the server does:   undecided ── the first reply, or let go of ──▶ decided ── that has left ──▶ settled
///                              └── too late, cancelled, or the server has stopped; also when decided ──▶ settled
///  what the caller does:   unawaited ── its thread sleeps, or it has left a body to be called ──▶ awaited ── settled ──▶ goes on
/// ```
class PendingCall: @unchecked Sendable {
    private static let unawaited: UInt32 = 0
    /// A thread sleeps.
    private static let awaited: UInt32 = 1
    /// ``waiter`` is to be called.
    private static let observed: UInt32 = 2
    private static let settled: UInt32 = 3

    private let state = Futex(unawaited)
    fileprivate let ledger: CallLedger
    /// The server has replied, or cannot any more.
    private let isDecided = Atomic<Bool>(false)
    /// A thread is settling it, or has.
    private let isClaimed = Atomic<Bool>(false)
    /// The reply is there. Written once, by the thread that decides.
    fileprivate final var hasReply = false
    /// Why the call has failed, if it has. Written once, by the thread that settles it, and read when that is done.
    private var failure: CallError?
    private var waiter: (@Sendable () -> Void)?
    /// Its place in the ledger.
    final var links = CallLedger.Links()

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
    fileprivate final func decide() -> Bool {
        !isDecided.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// Settles what was decided. A server that is stopping says why it does.
    final func settle(_ end: StopReason?) {
        settle(hasReply ? nil : end.map(CallError.stopped) ?? .unanswered)
    }

    /// Ends it without an answer, unless it has one.
    final func fail(_ error: CallError) {
        settle(error)
    }

    private func settle(_ failure: CallError?) {
        guard !isClaimed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.failure = failure
        switch state.exchange(Self.settled) {
        case Self.awaited: state.wake()
        case Self.observed: callWaiter()
        default: break
        }
    }
}

// Waiting.
extension PendingCall {
    final var isSettled: Bool { state.value == Self.settled }

    /// Blocks the thread until the call is settled, or the time has come; `nil` waits as long as it takes.
    final func wait(until deadline: Instant?) {
        state.wait(for: Self.settled, from: Self.unawaited, by: Self.awaited, until: deadline)
    }

    /// Calls a body once: at once, or on the thread that settles the call.
    final func whenSettled(_ body: @escaping @Sendable () -> Void) {
        waiter = body
        if state.change(Self.unawaited, to: Self.observed) == Self.settled { callWaiter() }
    }

    /// Once; the body may hold the call.
    private final func callWaiter() {
        let body = waiter
        waiter = nil
        body?()
    }

    /// Waits in a task.
    nonisolated(nonsending) final func settled() async {
        await withUnsafeContinuation { continuation in
            whenSettled { continuation.resume() }
        }
    }

    /// Why the call has failed, if it has; it must be settled.
    fileprivate final var settledFailure: CallError? {
        precondition(isSettled, "a call has come to nothing before it is settled")
        return failure
    }
}

/// A call that waits for a reply of some type, which lies in memory of its own until the call is gone.
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

    /// The reply of a call that is settled.
    func get() throws(CallError) -> Reply {
        if let failure = settledFailure { throw failure }
        return reply.pointee
    }
}
