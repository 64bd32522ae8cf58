internal import LinuxLibc
internal import Uring

/// The one loop: it owns the engine, the listeners and the behavior, and everything a server does happens in it.
///
/// A turn settles what is due, arms what is not armed, waits, and acts on what has completed, then on what has come in the
/// mail; the wait is the only place where the thread blocks. Closes are submitted before arms, since an accept that is armed
/// while descriptors are short fails at once.
///
/// ```
///  turn:  sends, checks, closes ─▶ cancels, arms ─▶ wait ─▶ completions ─▶ callbacks ─▶ messages ─▶ timers
///
///  serve ── a reason to stop ──▶ close listeners ──▶ terminate ──▶ close connections ──▶ cancel the wake-up ──▶ done
///    └── the ring fails, at any point ──▶ close everything by hand ──▶ terminate ──▶ done
/// ```
///
/// Made, run and dropped by one thread.
struct Loop<LoopEngine: Engine & ~Copyable>: ~Copyable {
    var engine: LoopEngine
    let behavior: BehaviorBox
    // The behavior's own, at hand because going through it costs a retain a turn.
    let ledger: CallLedger
    let control: LoopControl
    let options: ServerOptions
    let observer: (any ServerObserver)?

    let state: UnsafeMutablePointer<LoopState>
    // The state's own, at hand because every completion needs them. Not `let`s: writing through one crashes the compiler
    // (Swift 6.3) when it builds for the thread sanitizer.
    var connections: UnsafeMutablePointer<ConnectionTable>
    var counters: UnsafeMutablePointer<ServerCounters>
    var listeners: UnsafeMutablePointer<ListenerTable>

    /// Why the loop does not serve any more.
    private(set) var stopReason: StopReason?
    /// What the loop itself stopped for, if it did.
    private var failure: ServerError?

    /// Connections are looked at before they are delivered: descriptors are or were short, or the server drains.
    var isStrained = false
    /// A descriptor was freed in the turn before.
    var freedDescriptorLastTurn = false
    /// How many receive buffers were given back in this turn.
    var returnedBuffers = 0
    /// Receive buffers that the kernel did not take back.
    var unreturnedBuffers: [UInt16] = []
    /// What the kernel refused for want of memory is tried again when this ends.
    var shortage = Shortage()
    /// When the behavior is to hear that nothing has happened.
    var timeout: Instant?
    /// When a server that has stopped resets the connections that have not ended; `nil` while it serves.
    var endOfPatience: Instant?
    /// The loop was late: until then, deadlines of the server as a whole wait for what has come meanwhile.
    var looksAgainUntil: Instant?
    /// What the observer was told last.
    var reportedCounters = ServerCounters()

    var batch: CompletionBatch
    var isWakeUpArmed = false
    private var hasTerminated = false
    private var isEndingConnections = false
    /// The wake-up is canceled, and not read again.
    var isLeaving = false
    private var isAbandoned = false
    private let wakeUpCount: UnsafeMutablePointer<UInt64>

    init(
        engine: consuming LoopEngine,
        sockets: [ListenSocket],
        behavior: BehaviorBox,
        closesWait: Bool,
        socketOptions: [SocketOption] = [],
        control: LoopControl,
        options: ServerOptions,
        observer: (any ServerObserver)? = nil
    ) {
        let depth = engine.features.completionDepth
        state = .allocate(capacity: 1)
        state.initialize(
            to: LoopState(
                listeners: ListenerTable(sockets, quantum: depth),
                options: options,
                closesWait: closesWait,
                socketOptions: socketOptions,
                features: engine.features,
                control: control,
                clock: engine.clock,
                behavior: behavior,
                isObserved: observer != nil
            )
        )
        connections = state.pointee.connections
        counters = state.pointee.counters
        listeners = state.pointee.listeners
        batch = CompletionBatch(capacity: depth)
        wakeUpCount = .allocate(capacity: 1)
        wakeUpCount.initialize(to: 0)
        self.engine = engine
        self.behavior = behavior
        ledger = behavior.ledger
        self.control = control
        self.options = options
        self.observer = observer
    }

    deinit {
        if isAbandoned { keepForKernel(connections, wakeUpCount) } else { wakeUpCount.deallocate() }
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Serves until there is a reason to stop, then closes everything; calls `onBegin` when the behavior has begun.
    mutating func run(onBegin: () -> Void) throws(ServerError) -> StopReason {
        ledger.enterLoop()
        defer { ledger.leaveLoop() }
        let verdict = try begin()
        onBegin()
        obey(verdict)
        do {
            try serve()
        } catch {
            fail(ServerError(error))
            abandon()
        }
        if let failure { throw failure }
        return reasonOfTheEnd
    }

    private mutating func begin() throws(ServerError) -> Verdict {
        let verdict: Verdict
        do {
            verdict = try behavior.begin(ServerContext(state))
        } catch {
            throw ServerError(.beginFailed, operation: "begin", cure: "the behavior cannot start: \(error)")
        }
        if case .stop(let words) = verdict.next {
            let cure = words.isEmpty ? "the behavior declined to start" : "the behavior declined to start: \(words)"
            throw ServerError(.declined, operation: "begin", cure: cure)
        }
        state.pointee.note(.began(state.pointee.addresses))
        return verdict
    }

    private var reasonOfTheEnd: StopReason {
        guard let stopReason else { preconditionFailure("served without a reason to stop") }
        return stopReason
    }

    private mutating func serve() throws(RingError) {
        // What was asked before anybody could be woken, and before anybody is accepted.
        progressDrain()
        if let reason = control.stopReason { stop(reason) }
        report()
        armWakeUp()
        if options.exhaustion == .shed { isStrained = !engine.takeReserve() }
        while stopReason == nil { try turn() }

        closeListeners()
        while listeners.pointee.openCount > 0 { try turn() }

        stopWorkers()
        terminate()
        closeConnections()
        isEndingConnections = true
        while connections.pointee.count > 0 { try turn() }
        isEndingConnections = false

        isLeaving = true
        engine.submit(.cancel(Token(.wakeUp, slot: 0)), token: Token(.cancel, slot: 0), silently: true)
        while isWakeUpArmed { try turn() }
        // What the last turn submitted is the kernel's only when it has been entered once more.
        try engine.wait(until: engine.now)
    }

    private mutating func turn() throws(RingError) {
        noteTime()
        connections.pointee.finalSendMode = batch.isFull ? .immediateHeld : .immediate
        if shortage.end != nil { retryRefused() }
        settleConnections()
        cancelAccepts()
        wakeParkedListeners()
        armListeners()
        let deadline = try wait()

        connections.pointee.now = engine.now
        batch.removeAll()
        engine.takeCompletions(into: &batch)
        noteWake(deadline)
        dispatchBatch()
        if connections.pointee.hasRefused { shortage.note(at: connections.pointee.now) }
        endTimeLimits()
        serveWorkers()
        handleMail()
    }

    /// Acts on what has completed. Never inlined: the rest of a turn would take registers that every completion needs.
    @inline(never)
    private mutating func dispatchBatch() {
        for index in 0..<batch.count { dispatch(batch[index]) }
    }

    @inline(__always)
    private mutating func dispatch(_ completion: Completion) {
        let token = completion.token
        switch TokenKind(rawValue: token.kind) {
        case .accept: completedAccept(token, completion.result, isLast: completion.isLast)
        case .send: completedSend(token, completion.result)
        case .receive: completedReceive(completion)
        case .discardInput: connections.pointee.completedDiscard(token, completion.result, on: &engine)
        case .wakeUp: completedWakeUp(completion.result)
        // A close frees the descriptor whatever it returns, a disconnected socket is closed next, and what was canceled
        // says itself how it ended.
        case .close, .disconnect, .cancel: break
        case nil: completedReturn(completion)
        }
    }
}

// Waiting, and being woken.
extension Loop where LoopEngine: ~Copyable {
    /// Whoever puts a message in after the loop has looked sees that it sleeps, and wakes it. Whoever was answered meanwhile,
    /// in a callback or by somebody who was given a descriptor, has the answer before the loop sleeps.
    ///
    /// - Returns: the deadline of the wait.
    private mutating func wait() throws(RingError) -> Instant? {
        ledger.flush()
        control.publishSleep()
        if control.takeFreedDescriptor() { connections.pointee.noteFreedDescriptor() }
        let deadline = hasWork ? engine.now : nextDeadline
        try engine.wait(until: deadline)
        control.noteAwake()
        return deadline
    }

    /// Handing a descriptor out may have made another connection due, one turn does not handle all messages, and whoever found no
    /// buffer waits for all that has completed to be taken. When the last connection of a server that stops is handed out or
    /// broken off, nothing is left that could complete.
    private var hasWork: Bool {
        connections.pointee.hasUnsettled || connections.pointee.hasFreedDescriptor && listeners.pointee.mayHaveParked
            || connections.pointee.hasReady || connections.pointee.hasStarved && hasBuffers
            || isEndingConnections && connections.pointee.count == 0
            || looksAgainUntil != nil || stopReason == nil && hasMail
    }

    /// The kernel has a receive buffer, or will have one before it looks for one.
    private var hasBuffers: Bool { unreturnedBuffers.count < options.receiveBufferCount }

    private var nextDeadline: Instant? {
        let serverDeadline = isEndingConnections ? endOfPatience : nextMailDeadline
        return .earlier(
            .earlier(connections.pointee.nextDeadline, shortage.end),
            .earlier(listeners.pointee.nextParkEnd, serverDeadline)
        )
    }

    mutating func armWakeUp() {
        let read = Operation.read(
            descriptor: control.wakeUpDescriptor,
            into: Operation.Memory(wakeUpCount),
            count: UInt32(MemoryLayout<UInt64>.size)
        )
        engine.submit(read, token: Token(.wakeUp, slot: 0))
        isWakeUpArmed = true
    }

    /// Only a descriptor that is gone is fatal. Any other error, usually lack of memory, is transient. Until the read is armed again
    /// the loop cannot be woken, so it looks at its mailbox whenever it tries again.
    @inline(never)
    private mutating func completedWakeUp(_ result: Int32) {
        isWakeUpArmed = false
        switch result {
        case -EBADF, -EINVAL:
            let cure = "the wake-up descriptor was closed behind the server's back"
            fail(ServerError(.ringUnavailable, operation: "read", errno: -result, cure: cure))
        case Int32(MemoryLayout<UInt64>.size), -EINTR, -ECANCELED:
            // Also while the server stops: another signal may end its patience.
            if !isLeaving { armWakeUp() }
        default:
            shortage.note(at: connections.pointee.now)
        }
    }
}

// Stopping.
extension Loop where LoopEngine: ~Copyable {
    /// There is a reason to stop; the first counts. No message is handled any more, and who sends one is told why.
    mutating func stop(_ reason: StopReason) {
        guard stopReason == nil else { return }
        stopReason = reason
        endOfPatience = connections.pointee.now + options.stopTimeLimit
        behavior.closeMailbox(reason)
    }

    /// A server that has stopped waits for its connections to end, but not for longer than it was told to: then it resets them.
    mutating func endPatience() {
        guard stopReason != nil else { return }
        if let limit = control.takePatience() {
            endOfPatience = .earlier(endOfPatience, connections.pointee.now + limit)
        }
        guard isEndingConnections, hasPassed(endOfPatience) else { return }
        for slot in connections.pointee.used where slot.pointee.isEnding { connections.pointee.expire(slot) }
        endOfPatience = nil
    }

    /// The loop cannot go on.
    mutating func fail(_ error: ServerError) {
        if failure == nil { failure = error }
        stop(.failed(error))
    }

    /// Submits what is due for connections, and hands out what was released.
    private mutating func settleConnections() {
        connections.pointee.settle(on: &engine)
        while let handOut = connections.pointee.takeHandOut() {
            guard let descriptor = handOut.descriptor else { continue }
            handOut.receiver(
                ReleasedConnection(descriptor, unread: handOut.unread) { [control] in control.noteFreedDescriptor() }
            )
        }
        // Now, since nothing else may come for long.
        tellEndedWorkers()
    }

    /// Makes every connection that is still open end; those the behavior dropped in `terminate` already do.
    private mutating func closeConnections() {
        for slot in connections.pointee.used where slot.pointee.phase == .open {
            if slot.pointee.isKept { connections.pointee.drop(slot) } else { connections.pointee.orphan(slot) }
        }
        settleConnections()
    }

    private mutating func terminate() {
        guard !hasTerminated else { return }
        hasTerminated = true
        behavior.terminate(reasonOfTheEnd, ServerContext(state))
        // It may have given connections to workers, which end as the others did.
        stopWorkers()
        ledger.flush()
        ledger.close(reasonOfTheEnd)
        state.pointee.note(.terminated(reasonOfTheEnd))
        report()
    }

    /// The ring is lost: closes by hand what it served, what it was to close, and what it has accepted and nobody has seen.
    private mutating func abandon() {
        isAbandoned = true
        listeners.pointee.closeAll()
        discardAccepted()
        for descriptor in engine.unsubmittedCloses { LinuxLibc.close(descriptor) }
        stopWorkers()
        terminate()
        for slot in connections.pointee.used where slot.pointee.descriptor >= 0 {
            LinuxLibc.close(slot.pointee.descriptor)
            slot.pointee.descriptor = -1
        }
        disown()
    }

    /// A `Connection` value that still exists becomes an orphan, which any thread may drop. A connection that was to be handed out
    /// is closed instead, and its receiver is dropped.
    private mutating func disown() {
        for slot in connections.pointee.used {
            if slot.pointee.phase == .open && !slot.pointee.isKept { connections.pointee.orphan(slot) }
            connections.pointee.forgetReceiver(slot)
        }
        while connections.pointee.takeHandOut() != nil {}
    }

    private mutating func discardAccepted() {
        repeat {
            batch.removeAll()
            engine.takeCompletions(into: &batch)
            for index in 0..<batch.count where batch[index].isAcceptedConnection {
                counters.pointee.discarded += 1
                LinuxLibc.close(batch[index].result)
            }
        } while batch.count > 0
    }
}

extension Completion {
    fileprivate var isAcceptedConnection: Bool {
        TokenKind(rawValue: token.kind) == .accept && result >= 0
    }
}
