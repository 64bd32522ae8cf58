internal import NBEngine
internal import NBUring
internal import Synchronization

/// Wakes a loop that sleeps.
///
/// ```
///  the loop:        publish "asleep" ─▶ look for messages ─▶ wait ─▶ "awake"
///  another thread:  put a message in ─▶ asleep? ── yes ──▶ say "awake", ring
/// ```
///
/// Either the loop sees the message, or the thread sees that the loop sleeps: the order is what counts. Of many threads that put
/// messages in, one rings. Part of the ``LoopControl``; any thread.
struct Doorbell: ~Copyable, Sendable {
    /// What wakes the loop, from before it runs until it has ended.
    private let event = Lock<EventDescriptor?>(nil)
    /// The eventfd's number, for the loop and for signal handlers, which must not take the lock; -1 before and after.
    private let number = Atomic<Int32>(-1)
    private let isAsleep = Atomic<Bool>(false)

    /// The loop is about to run. Its engine reads the eventfd. If a host polls the eventfd instead, it is non-blocking.
    func open(isPolled: Bool = false) throws(ServerError) {
        do {
            // An optional, which a closure can take from.
            var descriptor: EventDescriptor? = try EventDescriptor(blocks: !isPolled)
            number.store(descriptor?.descriptor ?? -1, ordering: .releasing)
            event.withLock { $0 = descriptor.take() }
        } catch {
            throw ServerError(EngineError(error))
        }
    }

    /// The loop has ended: nothing can wake it any more. A signal may come all the same while other loops of a group run. Its handler must not
    /// write to the descriptor's next owner.
    func close() {
        guard number.exchange(-1, ordering: .sequentiallyConsistent) >= 0 else { return }
        SignalRegistry.shared.waitForHandlers()
        event.withLock { $0 = nil }
    }

    /// The eventfd to wait for.
    var descriptor: Int32 { number.load(ordering: .acquiring) }

    /// Wakes the loop.
    func ring() {
        event.withLock { $0?.signal() }
    }

    /// The same in a signal handler.
    func ringFromHandler() {
        let descriptor = number.load(ordering: .sequentiallyConsistent)
        if descriptor >= 0 { EventDescriptor.signal(descriptor) }
    }

    /// Wakes the loop if it sleeps, and if no other thread has yet. After putting a message in.
    func ringIfAsleep() {
        guard isAsleep.load(ordering: .sequentiallyConsistent) else { return }
        if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { ring() }
    }

    /// The loop is about to look for messages a last time, and then to wait.
    func publishSleep() {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
    }

    /// Whether the loop waits, or is about to, and nothing has woken it. If not, the loop looks for news before it waits.
    var isLoopAsleep: Bool { isAsleep.load(ordering: .sequentiallyConsistent) }

    /// The loop is awake and will look for messages without being told.
    func noteAwake() {
        isAsleep.store(false, ordering: .relaxed)
    }
}
