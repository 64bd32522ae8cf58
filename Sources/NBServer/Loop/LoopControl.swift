internal import Synchronization

/// What other threads, and signal handlers, may touch of a running loop.
///
/// Shared by the server, its mailbox, its loop and the signal relay. Any thread, but for what the loop takes.
final class LoopControl: Sendable {
    /// The server's number, which no other server of the process has. It is part of every name the server gives, so that one
    /// that is given to the wrong server is recognized.
    let server = LoopControl.servers.add(1, ordering: .relaxed).newValue
    private static let servers = Atomic<UInt32>(0)

    let doorbell = Doorbell()
    let stopRequest = StopRequest()

    /// The addresses the server listens on, for other threads.
    let addresses = Lock<[SocketAddress]>([])

    /// The signals that are told, and those that drain, instead of stopping the loop: a bit for each.
    private let toldSignals = Atomic<UInt64>(0)
    private let drainingSignals = Atomic<UInt64>(0)
    /// Those to be told that have come.
    private let arrivedSignals = Atomic<UInt64>(0)
    /// What a draining signal asks for.
    private let drainLimit = Lock(Duration.zero)
    private let drainWish = Atomic<UInt8>(DrainWish.none)

    /// Numbers and not an enum, because a signal handler changes them: in a debug build the atomic of an enum has the runtime look up a type,
    /// under a lock that the interrupted thread may hold.
    private enum DrainWish {
        static var none: UInt8 { 0 }
        static var arrived: UInt8 { 1 }
        static var taken: UInt8 { 2 }
    }

    private let begun = Atomic<Bool>(false)
    private let freedDescriptor = Atomic<Bool>(false)
    private let admissionNews = Atomic<Bool>(false)
    private let refusedCount = Atomic<UInt64>(0)
    /// Tells the other shards of a group that a listener was closed.
    private let listenerClosed = Lock<(@Sendable () -> Void)?>(nil)
}

// Beginning and stopping.
extension LoopControl {
    /// The behavior has begun.
    func noteBegun() {
        begun.store(true, ordering: .releasing)
    }

    var hasBegun: Bool { begun.load(ordering: .acquiring) }

    /// Asks the loop to stop, and wakes it. The first request is the one that counts; of limits the shortest.
    func requestStop(within limit: Duration? = nil) {
        let isFirst = stopRequest.record()
        if let limit { stopRequest.limitPatience(to: limit) }
        if isFirst || limit != nil { doorbell.ring() }
    }

    /// Asks the loop to stop because too many messages wait.
    func requestStopForFullMailbox() {
        if stopRequest.recordFullMailbox() { doorbell.ring() }
    }
}

// Signals.
extension LoopControl {
    /// From now on signals mean this; those in no list stop the loop.
    func setSignals(_ roles: SignalRoles) {
        drainLimit.withLock { $0 = roles.drainLimit }
        toldSignals.store(roles.reporting.reduce(0) { $0 | $1.bit }, ordering: .releasing)
        drainingSignals.store(roles.draining.reduce(0) { $0 | $1.bit }, ordering: .releasing)
    }

    /// A signal has come. Safe in a signal handler.
    func arrived(_ signal: Signal) {
        if toldSignals.load(ordering: .acquiring) & signal.bit != 0 {
            arrivedSignals.bitwiseOr(signal.bit, ordering: .releasing)
        } else if drainingSignals.load(ordering: .acquiring) & signal.bit != 0, noteDrainWish() {
            // The loop takes it.
        } else {
            stopRequest.record(signal)
        }
        doorbell.ringFromHandler()
    }

    /// The first draining signal drains. Safe in a signal handler.
    private func noteDrainWish() -> Bool {
        drainWish.compareExchange(
            expected: DrainWish.none,
            desired: DrainWish.arrived,
            ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// Whether there are signals to tell, or one has come that drains.
    var hasSignals: Bool {
        arrivedSignals.load(ordering: .relaxed) != 0 || drainWish.load(ordering: .relaxed) == DrainWish.arrived
    }

    /// How long a drain may take for which a signal has come, since this was last asked. Loop's thread.
    func takeDrainWish() -> Duration? {
        let wish = drainWish.compareExchange(
            expected: DrainWish.arrived,
            desired: DrainWish.taken,
            ordering: .sequentiallyConsistent
        )
        return wish.exchanged ? drainLimit.withLock { $0 } : nil
    }

    /// The signals to tell, each once however often it came. Loop's thread.
    func takeSignals() -> [Signal] {
        let bits = arrivedSignals.exchange(0, ordering: .acquiring)
        return (1..<64).map { Signal(rawValue: $0) }.filter { bits & $0.bit != 0 }
    }
}

// Descriptors that came back.
extension LoopControl {
    /// A descriptor that had left the server was closed.
    func noteFreedDescriptor() {
        freedDescriptor.store(true, ordering: .sequentiallyConsistent)
        doorbell.ringIfAsleep()
    }

    /// Whether one was, since this was last asked. Loop's thread.
    func takeFreedDescriptor() -> Bool {
        freedDescriptor.load(ordering: .sequentiallyConsistent)
            && freedDescriptor.exchange(false, ordering: .sequentiallyConsistent)
    }
}

// Permits that came.
extension LoopControl {
    /// The loop was granted a permit that it waits for, or limits were changed.
    func noteAdmission() {
        admissionNews.store(true, ordering: .sequentiallyConsistent)
        doorbell.ringIfAsleep()
    }

    /// Whether that has happened since it was last taken. Loop's thread.
    var hasAdmissionNews: Bool { admissionNews.load(ordering: .sequentiallyConsistent) }

    /// Whether it has, once. Loop's thread.
    func takeAdmissionNews() -> Bool {
        hasAdmissionNews && admissionNews.exchange(false, ordering: .sequentiallyConsistent)
    }
}

// Listeners that close.
extension LoopControl {
    /// Has this called when listeners were closed, once a turn; `nil` ends that.
    func whenListenerCloses(_ body: (@Sendable () -> Void)?) {
        listenerClosed.withLock { $0 = body }
    }

    /// A listener was closed. Loop's thread.
    func tellListenerClosed() {
        listenerClosed.withLock { $0 }?()
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
