internal import NBEngine
internal import NBUring
internal import Synchronization

/// What other threads, and signal handlers, may touch of a running loop: the wish that it stop, the signals that it is to
/// hear of, and how to wake it.
///
/// ```
///  the loop:        publish "asleep" ─▶ look for messages ─▶ wait ─▶ "awake"
///  another thread:  put a message in ─▶ asleep? ── yes ──▶ say "awake", wake it
/// ```
///
/// Either the loop sees the message, or the thread sees that it sleeps: the order is what counts. Of many threads that put
/// messages in, one wakes it. Shared by the server, its mailbox, its loop and the signal relay.
final class LoopControl: Sendable {
    /// The server's number, which no other server of the process has. It is part of every name the server gives, so that one
    /// that is given to the wrong server is recognized.
    let server = LoopControl.servers.add(1, ordering: .relaxed).newValue
    private static let servers = Atomic<UInt32>(0)

    /// What wakes the loop, from before it runs until it has ended.
    private let event = Lock<EventDescriptor?>(nil)
    /// Its number, for the loop's reads and for signal handlers, which may not lock; they are gone when it is closed.
    private let eventNumber = Atomic<Int32>(-1)

    /// 0 while the loop is to serve; then a signal's number, or one of those below.
    private let request = Atomic<Int32>(0)

    /// How many nanoseconds connections have left to end when the loop stops, until the loop has taken the number; `.max` if there
    /// is none. Signed: of unsigned numbers `Atomic.min` keeps the wrong one (Swift 6.3).
    private let patience = Atomic<Int64>(.max)
    /// A signal has come that stops the loop.
    private let hasStopSignal = Atomic<Bool>(false)

    private static let stopRequested: Int32 = -1
    private static let mailboxFull: Int32 = -2

    /// The signals that are told instead of stopping the loop, and those of them that have come: a bit for each.
    private let toldSignals = Atomic<UInt64>(0)
    private let arrivedSignals = Atomic<UInt64>(0)

    private let isAsleep = Atomic<Bool>(false)
    private let begun = Atomic<Bool>(false)
    private let freedDescriptor = Atomic<Bool>(false)
    private let refusedCount = Atomic<UInt64>(0)

    /// The addresses the server listens on, for those who ask from outside.
    let addresses = Lock<[SocketAddress]>([])
}

// Beginning and ending.
extension LoopControl {
    /// The loop is about to run. Its engine reads what wakes it, or its host polls that, which then does not block.
    func open(isPolled: Bool = false) throws(ServerError) {
        do {
            // An optional, which a closure can take from.
            var descriptor: EventDescriptor? = try EventDescriptor(blocks: !isPolled)
            eventNumber.store(descriptor?.descriptor ?? -1, ordering: .releasing)
            event.withLock { $0 = descriptor.take() }
        } catch {
            throw ServerError(EngineError(error))
        }
    }

    /// The loop has ended: nobody can wake it any more.
    func close() {
        event.withLock { $0 = nil }
    }

    /// The descriptor to read, to be woken.
    var wakeUpDescriptor: Int32 { eventNumber.load(ordering: .acquiring) }

    private func wake() {
        event.withLock { $0?.signal() }
    }

    /// The behavior has begun.
    func noteBegun() {
        begun.store(true, ordering: .releasing)
    }

    var hasBegun: Bool { begun.load(ordering: .acquiring) }
}

// Stopping.
extension LoopControl {
    /// Asks the loop to stop, and wakes it. The first request is the one that counts; of limits the shortest. Any thread.
    func requestStop(within limit: Duration? = nil) {
        let isFirst = record(Self.stopRequested)
        if let limit { patience.min(Int64(clamping: limit.wholeNanoseconds), ordering: .sequentiallyConsistent) }
        if isFirst || limit != nil { wake() }
    }

    /// How long connections have left to end, if that was said since this was last asked. Loop's thread.
    func takePatience() -> Duration? {
        let nanoseconds = patience.exchange(.max, ordering: .sequentiallyConsistent)
        return nanoseconds == .max ? nil : .nanoseconds(nanoseconds)
    }

    /// Whether that was said since it was last asked. Loop's thread.
    var hasPatience: Bool { patience.load(ordering: .sequentiallyConsistent) != .max }

    /// Asks the loop to stop because too many messages wait. Any thread.
    func requestStopForFullMailbox() {
        if record(Self.mailboxFull) { wake() }
    }

    /// Returns whether it is the first request.
    private func record(_ value: Int32) -> Bool {
        request.compareExchange(expected: 0, desired: value, ordering: .releasing).exchanged
    }

    /// Why the loop is to stop, if it is.
    var stopReason: StopReason? {
        switch request.load(ordering: .acquiring) {
        case 0: nil
        case Self.stopRequested: .requested
        case Self.mailboxFull: .failed(ServerError.mailboxFull)
        case let signal: .signal(Signal(rawValue: signal))
        }
    }
}

// Signals.
extension LoopControl {
    /// These signals are told from now on; all others stop the loop.
    func tell(_ signals: [Signal]) {
        toldSignals.store(signals.reduce(0) { $0 | $1.bit }, ordering: .releasing)
    }

    /// A signal has come. Safe in a signal handler.
    func arrived(_ signal: Signal) {
        if toldSignals.load(ordering: .acquiring) & signal.bit != 0 {
            arrivedSignals.bitwiseOr(signal.bit, ordering: .releasing)
        } else if hasStopSignal.exchange(true, ordering: .sequentiallyConsistent) {
            // A second signal ends the wait for connections.
            patience.store(0, ordering: .sequentiallyConsistent)
        } else {
            _ = record(signal.rawValue)
        }
        EventDescriptor.signal(wakeUpDescriptor)
    }

    /// Whether there are signals to tell.
    var hasSignals: Bool { arrivedSignals.load(ordering: .relaxed) != 0 }

    /// The signals to tell, each once however often it came. Loop's thread.
    func takeSignals() -> [Signal] {
        let bits = arrivedSignals.exchange(0, ordering: .acquiring)
        return (1..<64).map { Signal(rawValue: $0) }.filter { bits & $0.bit != 0 }
    }
}

// Sleeping and waking.
extension LoopControl {
    /// The loop is about to look for messages a last time, and then to wait.
    func publishSleep() {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
    }

    /// The loop is awake and will look for messages without being told.
    func noteAwake() {
        isAsleep.store(false, ordering: .relaxed)
    }

    /// Wakes the loop if it sleeps, and if nobody has yet. Any thread, after putting a message in.
    func wakeIfAsleep() {
        guard isAsleep.load(ordering: .sequentiallyConsistent) else { return }
        if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { wake() }
    }
}

// Descriptors that came back.
extension LoopControl {
    /// A descriptor that had left the server was closed. Any thread.
    func noteFreedDescriptor() {
        freedDescriptor.store(true, ordering: .sequentiallyConsistent)
        wakeIfAsleep()
    }

    /// Whether one was, since this was last asked. Loop's thread.
    func takeFreedDescriptor() -> Bool {
        freedDescriptor.load(ordering: .sequentiallyConsistent)
            && freedDescriptor.exchange(false, ordering: .sequentiallyConsistent)
    }
}

// Messages that were refused.
extension LoopControl {
    /// A message was refused because the mailbox was full.
    func noteRefusal() {
        refusedCount.add(1, ordering: .relaxed)
    }

    /// How many messages were refused because the mailbox was full.
    var refusals: UInt64 { refusedCount.load(ordering: .relaxed) }
}
