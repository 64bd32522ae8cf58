internal import NBEngine

// What happens in a turn after the completions: messages, then timers, then what the library itself has to say, and what all
// of them ask for.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// How many messages are handled before it is the completions' turn again.
    private static var quantum: Int { 256 }

    mutating func handleMail(_ budget: inout Int) {
        handleMessages(&budget)
        deliverAdopted()
        deliverToWorkers()
        tellTimers()
        tellSignals()
        tellWhatWasBroughtAbout()
        progressDrain()
        if let reason = control.stopReason { stop(reason) }
        endPatience()
        report()
    }

    /// Whether there is something to do without waiting.
    var hasMail: Bool {
        behavior.hasMessage(isSuspended: state.pointee.isSuspended) || state.pointee.hasInfos
            || state.pointee.hasWorkerMail || state.pointee.hasAdopted || connections.pointee.hasLost || isDrainDue
    }

    /// A drain is to begin, or the last connection has ended without a completion.
    private var isDrainDue: Bool {
        guard let drain = state.pointee.drain else { return false }
        return !drain.hasBegun || isDrained
    }

    private var isDrained: Bool { listeners.pointee.openCount == 0 && connections.pointee.count == 0 }

    /// When there will be.
    var nextMailDeadline: Instant? {
        guard stopReason == nil else { return nil }
        let drainEnd = state.pointee.drain?.deadline
        guard !state.pointee.isSuspended else { return drainEnd }
        return .earlier(drainEnd, .earlier(state.pointee.timers.earliest, timeout))
    }

    private mutating func handleMessages(_ budget: inout Int) {
        let rest = max(0, budget - Self.quantum)
        while budget > rest, stopReason == nil, behavior.hasMessage(isSuspended: state.pointee.isSuspended) {
            budget -= 1
            do {
                let isSuspended = state.pointee.isSuspended
                if let verdict = try behavior.handleMessage(isSuspended: isSuspended, ServerContext(state)) {
                    counters.pointee.messages &+= 1
                    obey(verdict)
                }
            } catch {
                stop(.failed(error))
            }
            ledger.flush()
        }
    }

    /// Those that are due and were when it began: one that is started meanwhile has to wait for the next turn.
    private mutating func tellTimers() {
        guard !state.pointee.isSuspended else { return }
        let now = connections.pointee.now
        var budget = state.pointee.timers.count
        while budget > 0, stopReason == nil, let timer = state.pointee.timers.removeFirst(dueAt: now) {
            budget -= 1
            tell(.timer(timer))
        }
        guard stopReason == nil, hasPassed(timeout) else { return }
        tell(.timeout)
    }

    private mutating func tellSignals() {
        guard control.hasSignals else { return }
        for signal in control.takeSignals() { tell(.signal(signal)) }
    }

    private mutating func tellWhatWasBroughtAbout() {
        guard state.pointee.hasInfos || connections.pointee.hasLost else { return }
        while let connection = connections.pointee.takeLost() { state.pointee.tellLater(.connectionLost(connection)) }
        var budget = Self.quantum
        while budget > 0, let info = state.pointee.takeInfo() {
            budget -= 1
            tell(info)
        }
    }

    /// Tells the observer, if there is one, what is new.
    mutating func report() {
        guard let observer, let events = state.pointee.events else { return }
        guard !events.isEmpty || counters.pointee != reportedCounters else { return }
        state.pointee.events = []
        reportedCounters = counters.pointee
        observer.observe(events, counters.pointee)
    }
}

// What callbacks are told, and what they answer.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// Tells the behavior something. A server that is stopping has no more to say.
    mutating func tell(_ info: ServerInfo) {
        guard stopReason == nil else { return }
        state.pointee.note(.info(info))
        do {
            obey(try behavior.handleInfo(info, ServerContext(state)))
        } catch {
            stop(.failed(error))
        }
    }

    @inline(__always)
    mutating func obey(_ verdict: Verdict) {
        timeout = nil
        if let next = verdict.next { obey(next) }
    }

    @inline(never)
    private mutating func obey(_ next: Verdict.Next) {
        var next: Verdict.Next? = next
        // Answers leave before the step that follows them.
        while case .handleContinue = next, stopReason == nil {
            ledger.flush()
            do {
                next = try behavior.handleContinue(ServerContext(state)).next
            } catch {
                stop(.failed(error))
            }
        }
        switch next {
        case nil, .handleContinue: break
        case .serveWithin(let nanoseconds): timeout = engine.now.later(byNanoseconds: nanoseconds)
        case .stop(let words): stop(.verdict(words))
        }
    }
}

// Draining.
extension Loop where LoopEngine: ~Copyable, Calls: ~Copyable {
    /// Does for a drain what can be done by now, if there is one.
    mutating func progressDrain() {
        guard stopReason == nil, let drain = state.pointee.drain else { return }
        if !drain.hasBegun { beginToDrain(drain) }
        for index in listeners.pointee.open where !listeners.pointee[index].state.isClosing {
            if drain.queued == .reset || hasServedQueue(index) {
                let reaction = listeners.pointee[index].state.close(delivering: drain.queued == .serve)
                listeners.pointee.react(reaction, index)
            }
        }
        let unfinished = connections.pointee.count
        if isDrained || hasPassed(drain.deadline) { stop(.drained(unfinished: unfinished)) }
    }

    private mutating func beginToDrain(_ drain: Drain) {
        state.pointee.drain?.hasBegun = true
        isStrained = true
        for index in listeners.pointee.open {
            let queued = calls.queueLength(of: listeners.pointee[index].socket.descriptor)
            listeners.pointee[index].quota = UInt64(queued + batchCapacity)
            if drain.queued == .serve { listeners.pointee.react(listeners.pointee[index].state.unpause(), index) }
        }
        tell(.draining(within: engine.now.duration(to: drain.deadline)))
        finishWorkers()
    }

    private func hasServedQueue(_ index: Int) -> Bool {
        listeners.pointee[index].quota == 0
            || calls.queueLength(of: listeners.pointee[index].socket.descriptor) == 0
    }

    private var batchCapacity: Int { engine.features.quantum }
}
