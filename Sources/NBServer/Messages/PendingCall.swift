internal import NBEngine
internal import NBLibc
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
final class PendingCall: @unchecked Sendable {
    private static let unawaited: UInt32 = 0
    /// A thread sleeps.
    private static let awaited: UInt32 = 1
    /// ``waiter`` is to be called.
    private static let observed: UInt32 = 2
    private static let settled: UInt32 = 3

    private let state = Futex(unawaited)
    private let ledger: CallLedger
    /// The server has replied, or cannot any more.
    private let isDecided = Atomic<Bool>(false)
    /// A thread is settling it, or has.
    private let isClaimed = Atomic<Bool>(false)
    /// Where the reply is, and what it is. Written once, by the thread that decides.
    private var reply: (place: UnsafeMutableRawPointer, type: any Sendable.Type)?
    /// Why the call has failed, if it has. Written once, by the thread that settles it, and read when that is done.
    private var failure: CallError?
    private var waiter: (@Sendable () -> Void)?
    /// Its place among the calls that wait, and among the answers that have not left.
    var links = CallLedger.Links()
    var nextInOutbox: Unmanaged<PendingCall>?

    fileprivate init(_ ledger: CallLedger) {
        self.ledger = ledger
    }

    deinit {
        if let reply { Self.dropReply(at: reply.place, reply.type) }
    }

    /// The server cannot reply any more. One that is stopping says why it does.
    func forget() {
        guard decide() else { return }
        ledger.afterCallback(self)
    }

    /// The server replies, with a value of the type that the ``TypedCall`` names.
    func answer<Reply: Sendable>(_ reply: Reply) {
        guard decide() else { return }
        let place = Self.memory(for: Reply.self)
        place.initializeMemory(as: Reply.self, to: reply)
        self.reply = (place, Reply.self)
        ledger.afterCallback(self)
    }

    /// Decides the call; returns whether no other had before.
    ///
    /// A step of its own, because a reply made in a callback leaves later. Dropping the last ``Caller`` meanwhile, on any thread, does not
    /// take the reply back.
    private func decide() -> Bool {
        !isDecided.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// Settles what was decided. A server that is stopping says why it does.
    func settle() {
        settle(reply == nil ? ledger.end.map(CallError.stopped) ?? .unanswered : nil)
    }

    /// Ends it without an answer, unless it has one.
    func fail(_ error: CallError) {
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

// The reply, in memory of its own.
extension PendingCall {
    /// Memory that `free(3)` takes back. Pointers allocate with an alignment, which costs twice as much, whether or not they need one.
    private static func memory<Reply>(for type: Reply.Type) -> UnsafeMutableRawPointer {
        let (size, alignment) = (max(1, MemoryLayout<Reply>.stride), MemoryLayout<Reply>.alignment)
        let memory = alignment <= 16 ? malloc(size) : aligned_alloc(alignment, size)
        guard let memory else { fatalError("no memory for a reply of \(size) bytes") }
        return memory
    }

    private static func dropReply<Reply: Sendable>(at place: UnsafeMutableRawPointer, _ type: Reply.Type) {
        place.assumingMemoryBound(to: Reply.self).deinitialize(count: 1)
        free(place)
    }

    /// The reply of a call that is settled.
    fileprivate func get<Reply>(as type: Reply.Type) throws(CallError) -> Reply {
        precondition(isSettled, "a call has come to nothing before it is settled")
        if let failure { throw failure }
        guard let reply else { preconditionFailure("a call is settled by a reply or a failure") }
        return reply.place.assumingMemoryBound(to: Reply.self).pointee
    }
}

// Waiting.
extension PendingCall {
    var isSettled: Bool { state.value == Self.settled }

    /// Blocks the thread until the call is settled, or the time has come; `nil` waits as long as it takes.
    func wait(until deadline: Instant?) {
        state.wait(for: Self.settled, from: Self.unawaited, by: Self.awaited, until: deadline)
    }

    /// Calls a body once: at once, or on the thread that settles the call.
    func whenSettled(_ body: @escaping @Sendable () -> Void) {
        waiter = body
        if state.change(Self.unawaited, to: Self.observed) == Self.settled { callWaiter() }
    }

    /// Once; the body may hold the call.
    private func callWaiter() {
        let body = waiter
        waiter = nil
        body?()
    }

    /// Waits in a task.
    nonisolated(nonsending) func settled() async {
        await withUnsafeContinuation { continuation in
            whenSettled { continuation.resume() }
        }
    }
}

/// A call that waits for a reply of some type. Any thread.
///
/// The type belongs to a value, not to the object: the runtime would look up a generic class whenever one is made.
struct TypedCall<Reply: Sendable>: Sendable {
    let pending: PendingCall

    init(_ ledger: CallLedger) {
        pending = PendingCall(ledger)
    }

    /// The reply of a call that is settled.
    func get() throws(CallError) -> Reply {
        try pending.get(as: Reply.self)
    }
}
