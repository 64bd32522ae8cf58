internal import Synchronization

/// Messages on their way to a server.
///
/// Any thread may put one in; the loop takes all of them at once. What one thread puts in comes out in that order. Nobody
/// waits for anybody: messages hang one behind the other, and the latest is exchanged. A lock would have the loop wait for a
/// sender that lost its processor, and senders that crowd hand it over by system calls.
///
/// ```
///  latest:  none ⇄ message ─▶ earlier ─▶ … ─▶ first           none, message ── the server is about to stop ──▶ closed
/// ```
final class Mailbox<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    /// A message, and where the one before it is.
    private struct Link {
        let message: Message<Behavior>
        var earlier: UInt
    }

    let ledger = CallLedger()
    let head = MailboxHead()
    private let control: LoopControl
    private let limit: Int?
    private let answerWhenFull: ServerOptions.FullMailbox

    /// How many of those for the behavior wait to be handled; what is asked of the server itself does not count.
    private let unhandledCount = Atomic<Int>(0)

    init(_ control: LoopControl, _ options: ServerOptions = ServerOptions()) {
        self.control = control
        limit = options.mailboxLimit
        answerWhenFull = options.fullMailbox
    }

    deinit {
        dropAll(head.latest.load(ordering: .acquiring))
    }

    /// How many messages wait for the behavior.
    var count: Int { unhandledCount.load(ordering: .relaxed) }

    /// Puts a message in, and wakes the loop if it sleeps.
    func put(_ message: consuming Message<Behavior>) throws(CastError) {
        guard head.latest.load(ordering: .acquiring) != MailboxHead.closed else { throw refusal }
        let isForBehavior = message.isForBehavior
        if isForBehavior { try takeRoom() }
        guard push(message) else {
            if isForBehavior { noteHandled() }
            throw refusal
        }
        control.doorbell.ringIfAsleep()
    }

    /// Whoever closed it has said why before.
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
    private func push(_ message: consuming Message<Behavior>) -> Bool {
        var earlier = head.latest.load(ordering: .relaxed)
        let link = UnsafeMutablePointer<Link>.allocate(capacity: 1)
        link.initialize(to: Link(message: message, earlier: earlier))
        var isDone = false
        while !isDone {
            guard earlier != MailboxHead.closed else {
                link.deinitialize(count: 1)
                link.deallocate()
                return false
            }
            link.pointee.earlier = earlier
            (isDone, earlier) = head.latest.weakCompareExchange(
                expected: earlier,
                desired: UInt(bitPattern: link),
                ordering: .sequentiallyConsistent
            )
        }
        return true
    }

    /// Takes everything, into an array that is empty. Loop's thread.
    func take(into messages: inout [Message<Behavior>?]) {
        guard head.hasMessages else { return }
        var next = head.latest.exchange(MailboxHead.none, ordering: .acquiring)
        while let message = pop(&next) { messages.append(message) }
        messages.reverse()
    }

    /// Takes a message from where it hangs, and goes on to the one before it.
    private func pop(_ next: inout UInt) -> Message<Behavior>? {
        guard next > MailboxHead.closed, let link = UnsafeMutablePointer<Link>(bitPattern: next) else { return nil }
        let taken = link.move()
        link.deallocate()
        next = taken.earlier
        return taken.message
    }

    /// A message for the behavior that was taken is handled now. Loop's thread.
    func noteHandled() {
        unhandledCount.subtract(1, ordering: .relaxed)
    }

    /// Refuses messages from now on, and drops those that wait; who called is told why.
    ///
    /// By the loop's thread, or when there is none.
    func close(_ reason: StopReason) {
        ledger.noteEnd(reason)
        dropAll(head.latest.exchange(MailboxHead.closed, ordering: .sequentiallyConsistent))
    }

    private func dropAll(_ latest: UInt) {
        var next = latest
        while let message = pop(&next) {
            if message.isForBehavior { noteHandled() }
        }
    }
}
