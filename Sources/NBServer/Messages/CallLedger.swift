internal import NBLibc
internal import Synchronization

/// The calls that wait for a server, and the answers that have not left yet.
///
/// Shared by a server, its mailbox and its callers. Every call is entered before its message is put into the mailbox, and
/// struck out by its caller when it has ended; when the server has ended, the ledger ends those that are left. The mailbox is
/// closed before the ledger, and refuses the message of a call that is entered later.
final class CallLedger: Sendable {
    /// A call's place among those that wait. Under the ledger's lock.
    struct Links {
        fileprivate var next: Unmanaged<PendingCall>?
        fileprivate var previous: Unmanaged<PendingCall>?
        fileprivate var isEntered = false
    }

    private struct State {
        /// The call that was entered last, of those that wait. Each is retained once.
        var first: Unmanaged<PendingCall>?
        /// Why the server has stopped or is about to.
        var end: StopReason?

        mutating func enter(_ call: PendingCall) {
            let entered = Unmanaged.passRetained(call)
            call.links = Links(next: first, isEntered: true)
            first?.takeUnretainedValue().links.previous = entered
            first = entered
        }

        mutating func strike(_ call: PendingCall) {
            let links = call.links
            guard links.isEntered else { return }
            call.links = Links()
            links.next?.takeUnretainedValue().links.previous = links.previous
            if let previous = links.previous {
                previous.takeUnretainedValue().links.next = links.next
            } else {
                first = links.next
            }
            Unmanaged.passUnretained(call).release()
        }

        mutating func strikeFirst() -> PendingCall? {
            guard let call = first?.takeUnretainedValue() else { return nil }
            strike(call)
            return call
        }
    }

    private let state = Lock(State())

    /// The thread that runs the loop, as `pthread_self(3)` says it; 0 when none does.
    private let loopThread = Atomic<UInt>(0)

    /// That thread is in a turn of the loop, not in what its host does between two. Loop's thread only.
    nonisolated(unsafe) private var isInTurn = false

    /// That turn runs a job of the server's executor: not a callback, so a call from there may be awaited. Loop's thread only.
    nonisolated(unsafe) var isInJob = false

    /// Calls to be settled when the present callback has returned: replies made in it leave then, in their order, and calls it let go of
    /// fail. The first refers to the next, and so on to the last. Loop's thread only.
    nonisolated(unsafe) private var outbox: (first: Unmanaged<PendingCall>?, last: Unmanaged<PendingCall>?)

    /// Whether this is the server's own thread, which must not wait for the server.
    var isOnLoopThread: Bool { loopThread.load(ordering: .relaxed) == currentThreadNumber() }

    /// Whether the server is calling back, on this thread.
    var isInCallback: Bool { isOnLoopThread && isInTurn }

    /// Whether a thread runs the loop, and the calling thread is another. Before the loop runs, and when it has ended, every
    /// thread may use what was the loop's.
    var isOffLoopThread: Bool {
        let thread = loopThread.load(ordering: .relaxed)
        return thread != 0 && thread != currentThreadNumber()
    }

    /// The calling thread runs the loop from now on, and is in a turn of it.
    func enterLoop() {
        loopThread.store(currentThreadNumber(), ordering: .relaxed)
        isInTurn = true
    }

    /// It does so no more; nothing is called back from now on.
    func leaveLoop() {
        leaveTurn()
        loopThread.store(0, ordering: .relaxed)
    }

    /// A host that does other things between turns begins one. Loop's thread.
    func enterTurn() {
        isInTurn = true
    }

    /// The turn is over; replies leave at once until the next. Loop's thread.
    func leaveTurn() {
        flush()
        isInTurn = false
    }

    /// Enters a call.
    func enter(_ call: PendingCall) {
        state.withLock { $0.enter(call) }
    }

    /// The caller does not wait any more.
    func strike(_ call: PendingCall) {
        state.withLock { $0.strike(call) }
    }

    /// Settles a call when the present callback has returned, or now if there is none.
    func afterCallback(_ call: PendingCall) {
        guard isInCallback else { return call.settle() }
        let added = Unmanaged.passRetained(call)
        if let last = outbox.last { last.takeUnretainedValue().nextInOutbox = added } else { outbox.first = added }
        outbox.last = added
    }

    /// Sends off what waited for callbacks to return. Loop's thread.
    @inline(__always)
    func flush() {
        if outbox.first != nil { flushOutbox() }
    }

    @inline(never)
    private func flushOutbox() {
        // The end of a call may let go of another's caller.
        while let call = popFromOutbox() { call.settle() }
    }

    private func popFromOutbox() -> PendingCall? {
        guard let call = outbox.first?.takeRetainedValue() else { return nil }
        outbox.first = call.nextInOutbox
        if outbox.first == nil { outbox.last = nil }
        return call
    }

    /// Why the server has stopped or is about to, if it is.
    var end: StopReason? { state.withLock { $0.end } }

    /// The server is about to stop, for this reason; a call that is forgotten from now on is told.
    func noteEnd(_ reason: StopReason) {
        state.withLock { if $0.end == nil { $0.end = reason } }
    }

    /// The server has stopped, and its mailbox is closed: ends every call that still waits.
    func close(_ reason: StopReason) {
        let end = state.withLock { state in
            if state.end == nil { state.end = reason }
            return state.end ?? reason
        }
        // One at a time, since the end of a call may do anything.
        while let call = state.withLock({ $0.strikeFirst() }) { call.fail(.stopped(end)) }
    }
}
