internal import NBEngine

/// The one loop: it owns the engine, the listeners and the behavior, and everything a server does happens in its turns.
///
/// The loop is a machine that a host turns; see ``ThreadHost``. A turn acts on the completions of the turn before, prepares what
/// has become due, and hands that to the kernel with one system call, the only place where it may wait. So every operation is
/// submitted in the turn that prepared it. Closes are prepared before arms, since an accept that is armed while descriptors are
/// short fails at once.
///
/// ```
///  turn:  completions ─▶ limits, workers ─▶ messages, timers ─▶ stage ─▶ sends, checks, closes ─▶ cancels, arms ─▶ enter
///
///  serving ── a reason to stop ──▶ closingListeners ── terminate ──▶ endingConnections ──▶ cancelingWakeUp ──▶ done
///    └── the engine fails, at any stage: everything is closed by hand, and the behavior terminates ──▶ lost
/// ```
///
/// Made, turned and dropped by one thread.
struct Loop<LoopEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>: ~Copyable {
    var engine: LoopEngine
    var calls: Calls
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
    var stopReason: StopReason?
    /// What the loop itself stopped for, if it did.
    var failure: ServerError?

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

    var stage = Stage.serving
    /// The completions of the last enter that brought any.
    var batch: CompletionBatch
    /// Until when the enter before could wait.
    private var lastDeadline: Instant?
    var wakeUp = WakeUpRead()
    /// The host waits elsewhere, for what wakes the loop as well.
    private(set) var isPolled = false

    /// What is left to do until the loop has ended.
    enum Stage: Int, Comparable {
        case serving
        /// Accepts are canceled; listeners close when theirs have ended.
        case closingListeners
        /// The behavior has terminated; connections take leave of their peers.
        case endingConnections
        /// Everything else has ended.
        case cancelingWakeUp
        case done
        /// Ended because the engine has failed.
        case lost

        static func < (earlier: Stage, later: Stage) -> Bool { earlier.rawValue < later.rawValue }
    }

    init(
        engine: consuming LoopEngine,
        calls: consuming Calls,
        sockets: [ListenSocket],
        behavior: BehaviorBox,
        closesWait: Bool,
        socketOptions: [SocketOption] = [],
        control: LoopControl,
        options: ServerOptions,
        observer: (any ServerObserver)? = nil
    ) {
        let quantum = engine.features.quantum
        state = .allocate(capacity: 1)
        state.initialize(
            to: LoopState(
                listeners: ListenerTable(sockets, quantum: quantum),
                options: options,
                closesWait: closesWait,
                socketOptions: socketOptions,
                engine: EngineReport(engine.features),
                control: control,
                clock: engine.clock,
                listen: calls.listen,
                behavior: behavior,
                isObserved: observer != nil
            )
        )
        connections = state.pointee.connections
        counters = state.pointee.counters
        listeners = state.pointee.listeners
        batch = CompletionBatch(capacity: quantum)
        self.engine = engine
        self.calls = calls
        self.behavior = behavior
        ledger = behavior.ledger
        self.control = control
        self.options = options
        self.observer = observer
    }

    deinit {
        if stage == .lost { keepForKernel(connections) }
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Begins: the behavior first, whose verdict is for ``serve(_:)``.
    mutating func begin() throws(ServerError) -> Verdict {
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

    /// For a host that waits elsewhere, before it begins: a descriptor that is readable when a turn is due.
    mutating func openDescriptor() throws(EngineError) -> Int32 {
        isPolled = true
        return try engine.openDescriptor(wokenBy: control.wakeUpDescriptor)
    }

    /// Serves from the next turn on.
    mutating func serve(_ verdict: Verdict) {
        obey(verdict)
        armWakeUp()
        if options.exhaustion == .shed { isStrained = !calls.takeReserve() }
    }

    /// Makes one turn.
    ///
    /// - Parameters:
    ///   - mayWait: whether the turn waits until something happens, if nothing is due. A host that has to return to a loop of its
    ///     own says no, and waits there for what the turn returns.
    ///   - budget: how many completions and messages are acted on at the most; less those that were, when the turn returns.
    /// - Returns: what is left to the host.
    mutating func turn(mayWait: Bool, budget: inout Int) -> TurnEnd {
        control.noteAwake()
        takeCompletions()
        dispatchBatch(&budget)
        if connections.pointee.hasRefused { shortage.note(at: connections.pointee.now) }
        // What has completed in time may be in the rest of the batch.
        if !batch.hasRest { endTimeLimits() }
        serveWorkers()
        handleMail(&budget)
        advance()
        prepare()
        do throws(EngineError) {
            return try enter(mayWait)
        } catch {
            fail(ServerError(error))
            abandon()
            return .done
        }
    }

    /// How the loop has ended: why it stopped, or with what it failed.
    var result: Result<StopReason, ServerError> { failure.map { .failure($0) } ?? .success(reasonOfTheEnd) }

    var reasonOfTheEnd: StopReason {
        guard let stopReason else { preconditionFailure("the loop has no reason to stop") }
        return stopReason
    }

    /// Goes on to the next stage, and the next, as far as what is left allows.
    private mutating func advance() {
        while true {
            switch stage {
            case .serving:
                guard stopReason != nil else { return }
                closeListeners()
            case .closingListeners:
                guard listeners.pointee.openCount == 0 else { return }
                stopWorkers()
                terminate()
                closeConnections()
            case .endingConnections:
                guard connections.pointee.count == 0 else { return }
                wakeUp.cancel(on: &engine)
            case .cancelingWakeUp:
                guard !wakeUp.isArmed else { return }
            case .done, .lost: return
            }
            guard let next = Stage(rawValue: stage.rawValue + 1) else { return }
            stage = next
        }
    }

    /// Makes operations of everything that is due.
    private mutating func prepare() {
        noteTime()
        connections.pointee.finalSendMode = batch.isFull ? .immediateHeld : .immediate
        if shortage.end != nil { retryRefused() }
        settleConnections()
        cancelAccepts()
        wakeParkedListeners()
        armListeners()
    }

    /// Submits what is due for connections, and hands out what was released.
    mutating func settleConnections() {
        connections.pointee.settle(on: &engine, calls)
        while let handOut = connections.pointee.takeHandOut() {
            guard let descriptor = handOut.descriptor else { continue }
            engine.forget(descriptor)
            handOut.receiver(
                ReleasedConnection(descriptor, unread: handOut.unread) { [control] in control.noteFreedDescriptor() }
            )
        }
        // Now, since nothing else may come for long.
        tellEndedWorkers()
    }

    /// Takes the completions that the enter before has brought, unless some of those before are left.
    private mutating func takeCompletions() {
        connections.pointee.now = engine.now
        guard !batch.hasRest else { return }
        batch.removeAll()
        engine.takeCompletions(into: &batch)
        noteWake(lastDeadline)
    }

    /// Whether there are completions that were not acted on.
    var hasCompletions: Bool { batch.hasRest || engine.hasCompletions }

    /// Acts on what has completed, as far as the budget goes.
    private mutating func dispatchBatch(_ budget: inout Int) {
        let indices = batch.advance(by: budget)
        budget -= indices.count
        dispatch(indices)
    }

    /// Never inlined: the rest of a turn would take registers that every completion needs.
    @inline(never)
    private mutating func dispatch(_ indices: Range<Int>) {
        for index in indices { dispatch(batch[index]) }
    }

    @inline(__always)
    private mutating func dispatch(_ completion: Completion) {
        let token = completion.token
        switch TokenKind(rawValue: token.kind) {
        case .accept: completedAccept(token, completion.result, isLast: completion.isLast)
        case .send: completedSend(token, completion.result)
        case .receive: completedReceive(completion)
        case .discardInput: connections.pointee.completedDiscard(token, completion.result, on: &engine, calls)
        case .wakeUp: completedWakeUp(completion.result)
        // A close frees the descriptor whatever it returns, a disconnected socket is closed next, and what was canceled
        // says itself how it ended.
        case .close, .disconnect, .cancel: break
        case nil: completedReturn(completion)
        }
    }
}

// Entering the kernel, waiting there or elsewhere, and being woken.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    private mutating func enter(_ mayWait: Bool) throws(EngineError) -> TurnEnd {
        if mayWait {
            lastDeadline = lookBeforeSleep() ? engine.now : nextDeadline
            try engine.enter(until: lastDeadline)
            return isOver ? .done : .again
        }
        try engine.enter(until: engine.now)
        guard !isOver else { return .done }
        guard !isDue else {
            lastDeadline = engine.now
            return .again
        }
        lastDeadline = nextDeadline
        // Cleared before the last look: who comes after the look finds the descriptor clear, and makes it readable.
        try engine.rest(until: lastDeadline)
        guard !lookBeforeSleep(), !isDue else { return .again }
        return .wait(until: lastDeadline)
    }

    /// Another turn would do something. A kernel that is short of memory gets no rest from a host that waits elsewhere: the alarm
    /// would be one more operation it has no memory for.
    private var isDue: Bool { hasWork || isAsked || engine.isPending || engine.hasUnsubmitted }

    /// What has woken the loop and is no message: a signal, or the wish that it stop, or stop sooner. Where the engine reads what wakes
    /// the loop, the read tells.
    private var isAsked: Bool {
        control.hasSignals || (stopReason == nil ? control.stopReason != nil : control.hasPatience)
    }

    /// Nothing is left to do, nor to hand to the kernel.
    private var isOver: Bool { stage >= .done && !engine.hasUnsubmitted }

    /// Replies leave, "asleep" is published, and then the mailbox is looked at a last time, in this order: a sender that misses the
    /// look sees the flag and wakes the loop.
    ///
    /// - Returns: whether anything is due.
    private mutating func lookBeforeSleep() -> Bool {
        ledger.flush()
        control.publishSleep()
        if control.takeFreedDescriptor() { connections.pointee.noteFreedDescriptor() }
        return hasWork
    }

    /// Work that no completion announces, so the loop must not sleep: completions of the batch, due connections, a freed
    /// descriptor, workers to call, receives for which there are buffers, a stage that is over, messages.
    private var hasWork: Bool {
        batch.hasRest || connections.pointee.hasUnsettled
            || connections.pointee.hasFreedDescriptor && listeners.pointee.mayHaveParked
            || connections.pointee.hasReady || connections.pointee.hasStarved && hasBuffers
            || looksAgainUntil != nil || isStageOver
    }

    /// The stage ends with nothing that could complete; while the loop serves, a message is like that.
    private var isStageOver: Bool {
        switch stage {
        case .serving: stopReason != nil || hasMail
        case .endingConnections: connections.pointee.count == 0
        case .done: engine.retryTime == nil
        case .closingListeners, .cancelingWakeUp, .lost: false
        }
    }

    /// The kernel has a receive buffer, or will have one before it looks for one.
    private var hasBuffers: Bool { unreturnedBuffers.count < options.receiveBufferCount }

    /// When the loop has to be turned though nothing happens.
    private var nextDeadline: Instant? {
        let serverDeadline = stage == .endingConnections ? endOfPatience : nextMailDeadline
        let connectionDeadline: Instant? = .earlier(connections.pointee.nextDeadline, listeners.pointee.nextParkEnd)
        let kernelDeadline: Instant? = .earlier(shortage.end, engine.retryTime)
        return .earlier(serverDeadline, .earlier(connectionDeadline, kernelDeadline))
    }

    /// Only a descriptor that is gone is fatal. Any other error, usually lack of memory, is transient. Until the read is armed again
    /// the loop cannot be woken, so it looks at its mailbox whenever it tries again.
    @inline(never)
    private mutating func completedWakeUp(_ result: Int32) {
        switch wakeUp.completed(result) {
        case .lost:
            let cure = "the wake-up descriptor was closed behind the server's back"
            fail(ServerError(.engineUnavailable, operation: "read", errno: -result, cure: cure))
        case .refused:
            shortage.note(at: connections.pointee.now)
        case .woken:
            armWakeUp()
        }
    }

    /// Also while the server stops: another signal may end its patience.
    mutating func armWakeUp() {
        guard !isPolled, !wakeUp.isArmed, stage < .cancelingWakeUp else { return }
        wakeUp.arm(control.wakeUpDescriptor, on: &engine)
    }
}
