internal import NBEngine
internal import NBLibc

/// The one loop: it owns the engine, the listeners and the behavior, and everything a server does happens in its turns.
///
/// The loop is a machine that a host turns; see ``ThreadHost``. A turn acts on the completions of the turn before, prepares what
/// has become due, and hands that to the kernel with one enter, the only place where it may wait. So every operation is submitted in
/// the turn that prepared it; what a kernel short of memory does not take stays with the engine. Callbacks for connections run among
/// the completions; messages, timers, signals, drains and stops are the mail. Closes are prepared before arms, since an accept that
/// is armed while descriptors are short fails at once.
///
/// ```
///  turn:  completions ─▶ limits, workers ─▶ mail ─▶ stage ─▶ retries, sends, ends ─▶ cancels, arms ─▶ enter
///
///  serving ── a reason to stop ──▶ closingListeners ── all are closed, terminate ──▶ endingConnections ── all have ended ──▶
///             cancellingWakeUp ── nothing is in flight ──▶ done
///    └── the engine fails, at any stage: everything is closed by hand, and the behavior terminates if it has not ──▶ lost
/// ```
///
/// Made, turned and dropped by one thread.
struct Loop<LoopEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>: ~Copyable {
    private(set) var engine: LoopEngine
    private var calls: Calls
    private let behavior: BehaviorBox
    // The behavior's own, at hand because going through it costs a retain a turn.
    let ledger: CallLedger
    let executor: ServerExecutor
    private let control: LoopControl

    let state: UnsafeMutablePointer<LoopState>
    // The state's own. Not `let`s: writing through one crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    private var connections: UnsafeMutablePointer<ConnectionTable>
    private var listeners: UnsafeMutablePointer<ListenerTable>

    private var acceptor: Acceptor
    private var workers: WorkerCalls
    private var limits: TimeLimits
    private var mail: Mail

    private var stage = LoopStage.serving
    /// The completions of the last enter that brought any.
    private var batch: CompletionBatch
    private var lateness = Lateness()
    /// What the kernel refused for want of memory is tried again when this ends.
    private var shortage = Shortage()
    private var wakeUp = WakeUpRead()
    /// The host waits elsewhere, for what wakes the loop as well.
    private var isPolled = false

    init(
        engine: consuming LoopEngine,
        calls: consuming Calls,
        sockets: [ListenSocket],
        behavior: BehaviorBox,
        control: LoopControl,
        options: ServerOptions,
        observer: (any ServerObserver)? = nil
    ) {
        state = .allocate(capacity: 1)
        state.initialize(to: LoopState(engine, calls, sockets, behavior, control, options))
        if observer != nil { state.pointee.events = [] }
        connections = state.pointee.connections
        listeners = state.pointee.listeners
        acceptor = Acceptor(state, behavior)
        workers = WorkerCalls(state)
        limits = TimeLimits(state)
        mail = Mail(state, behavior, observer)
        batch = CompletionBatch(capacity: engine.features.quantum)
        self.engine = engine
        self.calls = calls
        self.behavior = behavior
        ledger = behavior.ledger
        executor = behavior.mailbox.executor
        self.control = control
    }

    deinit {
        if stage == .lost { keepForKernel(connections) }
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Begins: the behavior first, whose verdict is for ``serve(_:)``.
    mutating func begin() throws(ServerError) -> Verdict {
        let verdict = try behavior.beginUnlessDeclined(ServerContext(state))
        state.pointee.note(.began(state.pointee.addresses, engine: state.pointee.engine))
        return verdict
    }

    /// For a host that waits elsewhere, before it begins: a descriptor that is readable when a turn is due.
    mutating func openDescriptor() throws(EngineError) -> Int32 {
        isPolled = true
        defer { state.pointee.engine = EngineReport(engine.features) }
        return try engine.openDescriptor(wokenBy: control.doorbell.descriptor)
    }

    /// Serves from the next turn on.
    mutating func serve(_ verdict: Verdict) {
        state.apply(verdict)
        armWakeUp()
        acceptor.begin(&calls)
    }

    /// Makes one turn.
    ///
    /// - Parameters:
    ///   - mayWait: whether the turn waits if nothing is due. A host with a loop of its own says no, and waits there for what it returns.
    ///   - budget: how many completions and messages are acted on at the most, but for one message; less those, when the turn returns.
    /// - Returns: what is left to the host.
    mutating func turn(mayWait: Bool, budget: inout Int) -> TurnEnd {
        control.doorbell.noteAwake()
        takeCompletions()
        dispatchBatch(&budget)
        // What has completed in time may be in the rest of the batch.
        if !batch.hasRest { limits.end(&workers, hasCompletions: hasCompletions, lateness, calls) }
        workers.serve(mayHoldBuffers: batch.isFull || batch.hasRest)
        handleMail(&budget)
        advance(&budget)
        prepare(&budget)
        do throws(EngineError) {
            return try enter(mayWait)
        } catch {
            state.fail(ServerError(error))
            abandon()
            return .done
        }
    }

    /// How the loop has ended: why it stopped, or with what it failed.
    var result: Result<StopReason, ServerError> { state.pointee.result }

    /// Goes on to the next stage, and the next, as far as what is left allows.
    private mutating func advance(_ budget: inout Int) {
        while true {
            switch stage {
            case .serving:
                guard state.pointee.stopReason != nil else { return }
                acceptor.closeListeners(on: &engine)
            case .closingListeners:
                guard listeners.pointee.openCount == 0 else { return }
                workers.stop()
                terminate()
                connections.pointee.endAll()
                submitConnections(&budget)
            case .endingConnections:
                guard connections.pointee.count == 0 else { return }
                wakeUp.cancel(on: &engine)
            case .cancellingWakeUp:
                guard !wakeUp.isArmed else { return }
            case .done, .lost: return
            }
            guard let next = LoopStage(rawValue: stage.rawValue + 1) else { return }
            stage = next
        }
    }

    /// Makes operations of everything that is due.
    private mutating func prepare(_ budget: inout Int) {
        connections.pointee.noteTime(engine.now)
        if shortage.end != nil { retryRefused() }
        submitConnections(&budget)
        if connections.pointee.hasRefused { shortage.note(at: connections.pointee.now) }
        acceptor.submitDue(on: &engine)
        mail.report()
    }

    /// Messages, then timers, then what the library itself has to say, and what all of them ask for.
    private mutating func handleMail(_ budget: inout Int) {
        mail.handleMessages(&budget)
        state.pointee.wakeConsumers()
        if executor.hasJobs { runJobs(&budget) }
        acceptor.deliverOthers(on: &engine, &calls)
        workers.deliverMail()
        mail.tellTimers()
        if !state.pointee.isSuspended && hasPassed(state.pointee.timeout) { state.tell(.timeout) }
        mail.tellSignals()
        mail.tellInfos()
        progressDrain()
        if let reason = control.stopRequest.reason { state.stop(reason) }
        endPatience()
    }

    /// Runs a turn's jobs of actors and tasks, whatever stage it is; one also where the budget is spent.
    @inline(never)
    private func runJobs(_ budget: inout Int) {
        budget = max(0, budget - executor.runJobs(atMost: max(1, min(budget, Mail.quantum))))
    }

    /// Does for a drain what can be done by now, if there is one.
    private mutating func progressDrain() {
        guard state.pointee.stopReason == nil, let drain = state.pointee.drain else { return }
        if !drain.hasBegun {
            state.pointee.drain?.hasBegun = true
            // A full queue holds a quantum, and the accept that filled it took one connection more.
            let aheadCount = batch.restCount + engine.features.quantum + 1
            acceptor.beginToDrain(drain.queued, aheadCount: aheadCount, calls)
            state.tell(.draining(within: engine.now.duration(to: drain.deadline)))
            workers.finish()
        }
        acceptor.closeDrained(drain.queued, on: &engine, calls)
        let unfinished = connections.pointee.count
        if state.pointee.isDrained || hasPassed(drain.deadline) { state.stop(.drained(unfinished: unfinished)) }
    }

    /// Whether a deadline of the server as a whole has come, and everything that came before it was looked at.
    private func hasPassed(_ deadline: Instant?) -> Bool {
        !batch.hasRest && lateness.hasPassed(deadline, at: connections.pointee.now)
    }

    /// Tries again what a kernel short of memory has refused, if the pause is over.
    @inline(never)
    private mutating func retryRefused() {
        guard shortage.takeEnd(at: connections.pointee.now) else { return }
        workers.retryReturns(on: &engine)
        connections.pointee.retryRefused(on: &engine)
        armWakeUp()
    }

    /// Submits what is due for connections, a few at a time, and hands out what was detached.
    ///
    /// An end is four system calls, and a turn may have hundreds: a caller does not wait for all. Messages are limited, since they may
    /// make more connections due.
    private mutating func submitConnections(_ budget: inout Int) {
        var share = min(budget, Mail.quantum)
        while connections.pointee.hasDue {
            connections.pointee.submitDue(atMost: share > 0 ? 4 : .max, on: &engine, calls)
            guard mail.hasNews, connections.pointee.hasDue else { continue }
            let count = mail.handleMessages(atMost: share)
            (share, budget) = (share - count, budget - count)
        }
        connections.handOutDetached(on: &engine, control)
        // Now, since nothing else may come for long.
        workers.tellCloseNotices()
    }

    /// Takes what the enter before has brought, unless completions from before are left.
    private mutating func takeCompletions() {
        connections.pointee.now = engine.now
        mail.noteTurn(at: connections.pointee.now)
        guard !batch.hasRest else { return }
        batch.removeAll()
        engine.takeCompletions(into: &batch)
        lateness.noteWake(at: connections.pointee.now, hasCompletions: hasCompletions)
    }

    private var hasCompletions: Bool { batch.hasRest || engine.hasCompletions }

    /// As far as the budget goes, a few at a time, messages in between. Never inlined: a turn would take registers that completions need.
    @inline(never)
    private mutating func dispatchBatch(_ budget: inout Int) {
        while budget > 0, batch.hasRest {
            let indices = batch.advance(by: min(budget, 32))
            budget -= indices.count
            if acceptor.desk != nil { acceptor.expect(indices, of: batch, calls) }
            for index in indices { dispatch(batch[index]) }
            if batch.hasRest && mail.hasNews { budget -= mail.handleMessages(atMost: min(budget, indices.count)) }
        }
    }

    @inline(__always)
    private mutating func dispatch(_ completion: Completion) {
        let token = completion.token
        switch TokenKind(rawValue: token.kind) {
        case .accept:
            acceptor.completed(token, completion.result, isLast: completion.isLast, on: &engine, &calls)
        case .send: workers.completedSend(token, completion.result)
        case .receive: workers.completedReceive(completion, on: &engine)
        case .discardInput: connections.pointee.completedDiscard(token, completion.result, on: &engine, calls)
        case .wakeUp: completedWakeUp(completion.result)
        // A close frees the descriptor whatever it returns, a disconnected socket is closed next, and what was cancelled
        // says itself how it ended.
        case .close, .disconnect, .cancel: break
        case nil:
            engine.completedOwn(completion)
            if workers.completedReturn(completion) { shortage.note(at: connections.pointee.now) }
        }
    }
}

// Entering the kernel, waiting there or elsewhere, and being woken.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    private mutating func enter(_ mayWait: Bool) throws(EngineError) -> TurnEnd {
        if mayWait {
            let deadline = lookBeforeSleep() ? engine.now : nextDeadline
            lateness.noteWait(until: deadline)
            try engine.enter(until: deadline)
            return isOver ? .done : .again
        }
        try engine.enter(until: engine.now)
        guard !isOver else { return .done }
        connections.pointee.freedDescriptor.note(from: control)
        guard !isDue else {
            lateness.noteWait(until: engine.now)
            return .again
        }
        let deadline = nextDeadline
        lateness.noteWait(until: deadline)
        // Cleared before the last look: who comes after the look finds the descriptor clear, and makes it readable.
        try engine.rest(until: deadline)
        guard !lookBeforeSleep(), !isDue else { return .again }
        return .wait(until: deadline)
    }

    /// Another turn would do something. A kernel that is short of memory gets no rest from a host that waits elsewhere: the alarm
    /// would be one more operation it has no memory for.
    private var isDue: Bool { hasWork || isAsked || engine.isPending || engine.hasUnsubmitted }

    /// What has woken the loop and is no message, nor a read by the engine: a signal, or the wish that it stop, or stop sooner.
    private var isAsked: Bool {
        control.hasSignals
            || (state.pointee.stopReason == nil ? control.stopRequest.reason != nil : control.stopRequest.hasPatience)
    }

    /// Nothing is left to do, nor to hand to the kernel.
    private var isOver: Bool { stage >= .done && !engine.hasUnsubmitted }

    /// Replies leave, "asleep" is published, and then the mailbox is looked at a last time, in this order: a sender that misses the
    /// look sees the flag and wakes the loop.
    ///
    /// - Returns: whether anything is due.
    private mutating func lookBeforeSleep() -> Bool {
        ledger.flush()
        control.doorbell.publishSleep()
        connections.pointee.freedDescriptor.note(from: control)
        return hasWork
    }

    /// Work that no completion announces, so the loop must not sleep.
    private var hasWork: Bool {
        batch.hasRest || connections.pointee.hasDue
            || connections.pointee.freedDescriptor.isNews && listeners.pointee.mayHaveParked
            || connections.pointee.hasReady || connections.pointee.hasStarved && workers.hasBuffers
            || lateness.looksAgainUntil != nil || acceptor.hasDeliverable || isStageOver || executor.hasJobs
    }

    /// The stage ends with nothing that could complete; while the loop serves, a message is like that.
    private var isStageOver: Bool {
        switch stage {
        case .serving: state.pointee.stopReason != nil || mail.hasWork
        case .endingConnections: connections.pointee.count == 0
        case .done: engine.retryTime == nil
        case .closingListeners, .cancellingWakeUp, .lost: false
        }
    }

    /// When the loop has to be turned though nothing happens.
    private var nextDeadline: Instant? {
        let serverDeadline = stage == .endingConnections ? state.pointee.endOfPatience : mail.nextDeadline
        let connectionDeadline: Instant? = .earlier(connections.pointee.nextDeadline, acceptor.nextDeadline)
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
            state.fail(ServerError(.engineUnavailable, operation: "read", errno: -result, cure: cure))
        case .refused:
            shortage.note(at: connections.pointee.now)
        case .woken:
            armWakeUp()
        }
    }

    /// Also while the server stops: another signal may end its patience.
    private mutating func armWakeUp() {
        guard !isPolled, !wakeUp.isArmed, stage < .cancellingWakeUp else { return }
        wakeUp.arm(control.doorbell.descriptor, on: &engine)
    }
}

// How a loop comes to its end.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// A server that has stopped waits for its connections to end, but not for longer than it was told to: then it resets them.
    private mutating func endPatience() {
        guard state.pointee.stopReason != nil else { return }
        if let limit = control.stopRequest.takePatience() {
            state.pointee.endOfPatience = .earlier(state.pointee.endOfPatience, connections.pointee.now + limit)
        }
        guard stage == .endingConnections, hasPassed(state.pointee.endOfPatience) else { return }
        connections.pointee.expireEnding()
        state.pointee.endOfPatience = nil
    }

    private mutating func terminate() {
        let reason = state.pointee.reasonOfTheEnd
        behavior.terminate(reason, in: ServerContext(state))
        // It may have given connections to workers, which end as the others did.
        workers.stop()
        ledger.flush()
        ledger.close(reason)
        state.pointee.note(.terminated(reason))
        mail.report()
    }

    /// The engine is lost: closes by hand what it served, what it was to close, and what it has accepted and not delivered.
    private mutating func abandon() {
        listeners.pointee.closeAll()
        acceptor.discardUndelivered(&batch, of: &engine)
        for descriptor in engine.abandon() { NBLibc.close(descriptor) }
        workers.stop()
        if stage < .endingConnections { terminate() }
        stage = .lost
        connections.abandon()
    }
}
