internal import NBEngine
internal import NBLibc

/// The loop owns the engine, the listeners and the behavior. Everything that a server does happens in the loop's turns.
///
/// A host turns the loop; see ``ThreadHost``. A turn acts on the completions of the turn before, submits operations for everything that is
/// due, and enters the engine, the only place where it may wait. So every operation is carried out by the end of the turn that submitted it,
/// at once or by the enter; the engine keeps what a kernel short of memory does not take. Callbacks for connections run among the completions.
/// Messages, timers, signals, drains and stops are the mail. Closes come before arms, because an accept that is armed while descriptors are
/// short fails at once.
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
    // The behavior's ledger, stored here because reading it through the behavior costs a retain a turn.
    let ledger: CallLedger
    let executor: ServerExecutor
    private let control: LoopControl

    let state: UnsafeMutablePointer<LoopState>
    // The state's tables. Not `let`s: writing through a `let` crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    private var connections: UnsafeMutablePointer<ConnectionTable>
    private var listeners: UnsafeMutablePointer<ListenerTable>

    private var acceptor: Acceptor
    private var workers: WorkerCalls
    private var limits: TimeLimits
    private var mail: Mail

    private var stage = LoopStage.serving
    /// The completions of the last enter that returned any.
    private var batch: CompletionBatch
    private var lateness = Lateness()
    /// When this ends, the loop retries operations that the kernel refused for lack of memory.
    private var shortage = Shortage()
    private var wakeUp = WakeUpRead()
    /// The host waits elsewhere, on a descriptor that also covers the doorbell.
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
        connections.pointee.standIn = calls.standIn
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

    /// Begins the behavior. Its verdict is for ``serve(_:)``.
    mutating func begin() throws(ServerError) -> Verdict {
        let verdict = try behavior.beginUnlessDeclined(ServerContext(state))
        state.pointee.note(.began(state.pointee.addresses, engine: state.pointee.engine))
        return verdict
    }

    /// A descriptor that is readable when a turn is due, for a host that waits elsewhere. Called before the loop begins.
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
    ///   - mayWait: whether the turn waits if nothing is due. A host with a loop passes `false`, and waits there.
    ///   - budget: at most how many completions and messages are handled, except one message. The turn subtracts those it handled.
    /// - Returns: what is left to the host.
    mutating func turn(mayWait: Bool, budget: inout Int) -> TurnEnd {
        control.doorbell.noteAwake()
        takeCompletions()
        dispatchBatch(&budget)
        // The rest of the batch may hold completions that arrived before a limit passed.
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

    /// Advances through the stages that have nothing left to wait for.
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
                guard connections.pointee.count == 0, !state.pointee.hasAdopted else { return }
                wakeUp.cancel(control.doorbell.descriptor, on: &engine)
            case .cancellingWakeUp:
                guard !wakeUp.isArmed else { return }
            case .done, .lost: return
            }
            guard let next = LoopStage(rawValue: stage.rawValue + 1) else { return }
            stage = next
        }
    }

    /// Prepares operations for everything that is due.
    private mutating func prepare(_ budget: inout Int) {
        connections.pointee.noteTime()
        if shortage.end != nil { retryRefused() }
        submitConnections(&budget)
        if connections.pointee.hasRefused { shortage.note(at: connections.pointee.now) }
        acceptor.submitDue(on: &engine)
        mail.report()
    }

    /// Handles messages, then timers and signals, then infos, then the drains and stops that any of them asked for.
    private mutating func handleMail(_ budget: inout Int) {
        mail.handleMessages(&budget)
        acceptor.deliverOthers(on: &engine, &calls)
        state.pointee.wakeConsumers()
        if executor.hasJobs { executor.runJobs(&budget) }
        workers.deliverMail()
        mail.tellTimers()
        if !state.pointee.isSuspended && hasPassed(state.pointee.timeout) { state.tell(.timeout) }
        mail.tellSignals()
        mail.tellInfos()
        if state.pointee.drain != nil { progressDrain() }
        if listeners.pointee.hasDepartures { acceptor.advanceDepartures(aheadCount: aheadCount, calls) }
        if let reason = control.stopRequest.reason { state.stop(reason) }
        if state.pointee.stopReason != nil { endPatience() }
    }

    /// At most how many connections may have been accepted and not delivered yet. A full queue holds a quantum, and the accept that filled
    /// it took one connection more.
    private var aheadCount: Int { batch.restCount + engine.features.quantum + 1 }

    /// Advances a drain.
    @inline(never)
    private mutating func progressDrain() {
        guard state.pointee.stopReason == nil, let drain = state.pointee.drain else { return }
        if !drain.hasBegun {
            state.pointee.drain?.hasBegun = true
            acceptor.beginToDrain(drain.queued, aheadCount: aheadCount, calls)
            state.tell(.draining(within: engine.now.duration(to: drain.deadline)))
            workers.finish()
        }
        acceptor.closeDrained(drain.queued, on: &engine, calls)
        let unfinished = connections.pointee.count
        if state.pointee.isDrained || hasPassed(drain.deadline) { state.stop(.drained(unfinished: unfinished)) }
    }

    /// Whether a deadline of the whole server has passed, and everything that arrived before it has been handled.
    private func hasPassed(_ deadline: Instant?) -> Bool {
        guard let deadline, !batch.hasRest else { return false }
        return lateness.hasPassed(deadline, at: connections.pointee.now)
    }

    /// Retries operations that a kernel short of memory refused, if the pause is over.
    @inline(never)
    private mutating func retryRefused() {
        guard shortage.takeEnd(at: connections.pointee.now) else { return }
        workers.retryReturns(on: &engine)
        connections.pointee.retryRefused(on: &engine)
        armWakeUp()
    }

    /// Submits operations of due connections, a few at a time, and hands out detached connections.
    ///
    /// An end is two system calls and a share of two more, and a turn may have hundreds: messages are handled in between, so that a caller
    /// does not wait for all of them. Messages are limited, because they may make more connections due.
    private mutating func submitConnections(_ budget: inout Int) {
        var share = min(budget, Mail.quantum)
        while connections.pointee.hasDue {
            connections.pointee.submitDue(atMost: share > 0 ? EndingGroup.capacity : .max, on: &engine, calls)
            guard mail.hasNews, connections.pointee.hasDue else { continue }
            let count = mail.handleMessages(atMost: share)
            (share, budget) = (share - count, budget - count)
        }
        // Now, because the loop may sleep next. A worker that hears of its end may ask for its connection, which is gone.
        connections.handOutDetached(on: &engine, control)
        workers.tellCloseNotices()
        connections.handOutDetached(on: &engine, control)
    }

    /// Takes the completions of the last enter, unless earlier ones are left.
    private mutating func takeCompletions() {
        // What is timed counts to here, and not to when a callback has returned.
        if lateness.isTimed { connections.pointee.time.read() } else { connections.pointee.time.forget() }
        mail.noteTurn()
        guard !batch.hasRest else { return }
        batch.removeAll()
        engine.takeCompletions(into: &batch)
        if connections.pointee.hasSentAtOnce { concludeSends() }
        if lateness.isTimed { lateness.noteWake(at: connections.pointee.now, hasCompletions: hasCompletions) }
    }

    /// What was sent at once, and the engine did not know of then, is known when everything was carried out and all completions are at hand.
    private mutating func concludeSends() {
        connections.pointee.hasPostponedSends = engine.hasUnsubmitted || engine.hasCompletions
        if !connections.pointee.hasPostponedSends { workers.concludeSends(batch) }
    }

    private var hasCompletions: Bool { batch.hasRest || engine.hasCompletions }

    /// Dispatches completions within the budget, a few at a time, messages in between. Never inlined: a turn would take their registers.
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
        // A close frees the descriptor whatever it returns, a disconnected socket is closed next, a cancelled operation completes itself.
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
        // Order matters: clear the descriptor, then look a last time. A sender that misses the look makes the descriptor readable.
        try engine.rest(until: deadline)
        guard !lookBeforeSleep(), !isDue else { return .again }
        return .wait(until: deadline)
    }

    /// Another turn would do something. While the kernel is short of memory, a host that waits elsewhere is asked to turn again at once:
    /// a timer would be one more operation that the kernel has no memory for.
    private var isDue: Bool { hasWork || isAsked || engine.isPending || engine.hasUnsubmitted }

    /// The loop was woken by a signal, or by a request to stop, or to stop sooner. Neither is a message or a completion.
    private var isAsked: Bool {
        control.hasSignals
            || (state.pointee.stopReason == nil ? control.stopRequest.reason != nil : control.stopRequest.hasPatience)
    }

    /// Nothing is left to do or to submit.
    private var isOver: Bool { stage >= .done && !engine.hasUnsubmitted }

    /// Order matters: send replies, publish "asleep", then look at the mailbox a last time. A sender that misses the look sees the flag
    /// and wakes the loop.
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
            || connections.pointee.isSendAwaited && engine.retryTime == nil || connections.pointee.hasReady
            || connections.pointee.hasStarved && workers.hasBuffers
            || lateness.looksAgainUntil != nil || acceptor.hasDeliverable || isStageOver || executor.hasJobs
    }

    /// The stage can end, a message waits, or a listener is to leave, and no completion will announce that.
    private var isStageOver: Bool {
        switch stage {
        case .serving: state.pointee.stopReason != nil || mail.hasWork || listeners.pointee.hasDueDepartures
        case .endingConnections: connections.pointee.count == 0
        case .done: engine.retryTime == nil
        case .closingListeners, .cancellingWakeUp, .lost: false
        }
    }

    /// The next time the loop must wake for a timer, a limit, a retry or the end of a drain.
    private var nextDeadline: Instant? {
        let serverDeadline = stage == .endingConnections ? state.pointee.endOfPatience : mail.nextDeadline
        let connectionDeadline: Instant? = .earlier(connections.pointee.nextDeadline, acceptor.nextDeadline)
        let kernelDeadline: Instant? = .earlier(shortage.end, engine.retryTime)
        return .earlier(serverDeadline, .earlier(connectionDeadline, kernelDeadline))
    }

    /// Only a closed descriptor is fatal. Until the read is armed again, no sender can wake the loop, so each retry looks at the mailbox.
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

    /// Armed also while the server stops, because another signal may shorten its patience.
    private mutating func armWakeUp() {
        guard !isPolled, !wakeUp.isArmed, stage < .cancellingWakeUp else { return }
        wakeUp.arm(control.doorbell.descriptor, on: &engine)
    }
}

// How a loop comes to its end.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// Resets the connections of a stopped server that have not ended within its limit.
    @inline(never)
    private mutating func endPatience() {
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
        // `terminate` may have given connections to workers. They end like the others.
        workers.stop()
        ledger.flush()
        ledger.close(reason)
        state.pointee.note(.terminated(reason))
        mail.report()
    }

    /// The engine failed: closes all descriptors with direct calls, those of undelivered connections included.
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
