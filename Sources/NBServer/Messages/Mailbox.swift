internal import Synchronization

/// Messages on their way to a server.
///
/// Any thread may put one in; the loop takes all of them at once. What one thread puts in comes out in that order. No thread
/// waits for another: messages hang one behind the other, and the latest is exchanged. A lock would have the loop wait for a
/// sender that lost its processor, and senders that crowd hand it over by system calls.
///
/// ```
///  latest:  none ⇄ message ─▶ earlier ─▶ … ─▶ first           none, message ── the server is about to stop ──▶ closed
/// ```
final class Mailbox: Sendable {
    /// What hangs in a mailbox, the latest first. It belongs to a ``MessageList`` next.
    struct Messages {
        let latest: Unmanaged<Message>?
    }

    // No addresses.
    private static let none: UInt = 0
    private static let closed: UInt = 1

    let ledger: CallLedger
    /// Takes jobs instead of messages, which the mailbox's limit and end do not concern.
    let executor: ServerExecutor
    private let control: LoopControl
    private let limit: Int?
    private let answerWhenFull: ServerOptions.FullMailbox

    /// The address of the latest message that was not taken, which refers to the one before it, and so on.
    private let latest = Atomic<UInt>(none)
    /// How many of those for the behavior wait to be handled; what is asked of the server itself does not count.
    private let unhandledCount = Atomic<Int>(0)

    /// The loop that takes the messages, while there is one. Loop's thread only.
    nonisolated(unsafe) var loop: UnsafeMutablePointer<LoopState>?

    /// The loop, if it is calling back on this thread.
    var loopInCallback: UnsafeMutablePointer<LoopState>? { ledger.isInCallback ? loop : nil }

    init(_ control: LoopControl, _ options: ServerOptions = ServerOptions()) {
        self.control = control
        ledger = CallLedger()
        executor = ServerExecutor(control, ledger)
        limit = options.mailboxLimit
        answerWhenFull = options.whenMailboxIsFull
    }

    deinit {
        drop(takeAll())
    }

    /// How many messages wait for the behavior.
    var count: Int { unhandledCount.load(ordering: .relaxed) }

    /// Whether there is something to take. A loop that asks this after it has published that it sleeps is woken for what comes
    /// later.
    var hasMessages: Bool { latest.load(ordering: .sequentiallyConsistent) > Self.closed }

    /// Puts a message in, and wakes the loop if it sleeps.
    func put(_ message: Message) throws(CastError) {
        guard latest.load(ordering: .acquiring) != Self.closed else { throw refusal }
        if message.isForBehavior { try takeRoom() }
        guard push(message) else {
            if message.isForBehavior { noteHandled() }
            throw refusal
        }
        control.doorbell.ringIfAsleep()
    }

    /// The mailbox's closing has said why before.
    private var refusal: CastError { .stopped(ledger.end ?? .requested) }

    private func takeRoom() throws(CastError) {
        var count = count
        var isTaken = false
        repeat {
            if let limit, count >= limit {
                noteFull()
                throw .mailboxFull(limit: limit)
            }
            (isTaken, count) = unhandledCount.weakCompareExchange(
                expected: count,
                desired: count + 1,
                ordering: .relaxed
            )
        } while !isTaken
    }

    private func noteFull() {
        control.noteRefusal()
        if answerWhenFull == .stop { control.requestStopForFullMailbox() }
    }

    /// Makes a message the latest; `false` if the mailbox is closed.
    private func push(_ message: Message) -> Bool {
        let added = Unmanaged.passRetained(message)
        let address = UInt(bitPattern: added.toOpaque())
        var earlier = latest.load(ordering: .relaxed)
        var isDone = false
        while !isDone {
            guard earlier != Self.closed else {
                added.release()
                return false
            }
            message.neighbor = Self.message(earlier)
            (isDone, earlier) = latest.weakCompareExchange(
                expected: earlier,
                desired: address,
                ordering: .sequentiallyConsistent
            )
        }
        return true
    }

    /// Takes everything. Loop's thread.
    func takeAll() -> Messages {
        guard hasMessages else { return Messages(latest: nil) }
        return Messages(latest: Self.message(latest.exchange(Self.none, ordering: .acquiring)))
    }

    private static func message(_ address: UInt) -> Unmanaged<Message>? {
        guard address > closed, let pointer = UnsafeRawPointer(bitPattern: address) else { return nil }
        return .fromOpaque(pointer)
    }

    /// A message for the behavior that was taken is handled now. Loop's thread.
    func noteHandled() {
        unhandledCount.subtract(1, ordering: .relaxed)
    }

    /// Refuses messages from now on, and drops those that wait; their callers are told why.
    ///
    /// By the loop's thread, or when there is none.
    func close(_ reason: StopReason) {
        ledger.noteEnd(reason)
        drop(Messages(latest: Self.message(latest.exchange(Self.closed, ordering: .sequentiallyConsistent))))
    }

    private func drop(_ messages: Messages) {
        var list = MessageList(messages)
        while let message = list.popFirst() {
            if message.isForBehavior { noteHandled() }
        }
    }
}
