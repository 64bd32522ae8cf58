import Glibc

@testable import NBServer

// What others do: senders, operators, whoever adds and removes listeners.
extension SimulatedHistory {
    /// At any moment at which the loop is not in the middle of something.
    func actOutside() {
        goOnWithDepartures()
        guard kernel.random.chance(bustle.outside) else { return }
        for _ in 0..<1 + kernel.random.below(3) { act() }
        // More than one turn of the loop handles.
        if kernel.random.chance(2) { for _ in 0..<300 { post.cast() } }
    }

    /// The loop has looked for messages and found none; what comes now, it has not seen. Where many connections end, it looks again while
    /// it ends them.
    func actAfterLook() {
        let looksAgain = state?.pointee.connections.pointee.hasDue == true
        guard kernel.random.chance(looksAgain ? bustle.outside : bustle.outside / 4) else { return }
        kernel.note("   … after the look for messages:")
        let count = post.count
        act()
        goOnWithDepartures()
        if post.count > count { kernel.tally.note(.messageAfterTheLook) }
    }

    private func act() {
        if limits != nil && kernel.random.chance(300) { return actOnLimits() }
        switch kernel.random.below(27) {
        case 0...6: post.call()
        case 7...11: post.cast()
        case 12: post.look()
        case 13: post.abandon()
        case 14, 15: suspendOrResume()
        case 21...24: post.request { [self] context in finishRun(context) }
        case 16: signal()
        case 20: askForWorkers()
        case 25, 26: beginDeparture()
        default: askForListeners()
        }
    }

    private func askForWorkers() {
        post.request { [self] context in
            switch kernel.random.below(7) {
            case 6: watchWorker(context)
            case 0, 1: assignKept(context)
            case 2: finishWorker(context)
            case 3: listWorkers(context)
            default: sendToWorker(context)
            }
        }
    }

    private func suspendOrResume() {
        let suspends = kernel.random.chance(isSuspended ? 100 : 700)
        kernel.note("the server is to be \(suspends ? "suspended" : "resumed")")
        post.request { [self] context in
            if suspends != isSuspended { kernel.tally.note(suspends ? .suspension : .resumption) }
            context.setSuspended(suspends)
            isSuspended = suspends
        }
    }

    private func signal() {
        guard post.end == nil else { return }
        kernel.note("a signal")
        hasSignal = true
        control.arrived(.simulated)
    }

    private func askForListeners() {
        if kernel.random.chance(50) {
            post.request { [self] context in drain(context) }
        } else if kernel.random.chance(250) {
            askToRemove(listenersAddress())
        } else {
            post.request { [self] context in changeListeners(context) }
        }
    }

    /// The listeners of all loops on an address are to be removed, mostly where clients are queued.
    private func beginDeparture() {
        let isCrowded = kernel.random.chance(700)
        departures.begin(at: listenersAddress { !isCrowded || $0.backlog > 0 })
    }

    private func goOnWithDepartures() {
        if kernel.random.chance(300) { departures.goOn(isImpatient: kernel.random.chance(30)) }
    }

    /// A caller waits until a listener is gone.
    private func askToRemove(_ address: SocketAddress) {
        let call = TypedCall<Result<Void, ServerError>>(post.mailbox.ledger)
        let isTaken = post.request(call) { [self] context, remover in
            let listener = noteRemoval(of: address, context)
            call.pending.whenSettled { [self] in removed(listener, Result { () throws(CallError) in try call.get() }) }
            context.removeListener(.address(address), for: remover)
            removals.append((call, listener))
        }
        kernel.note("\(address) is to be removed: \(isTaken ? "taken" : "refused")")
    }

    /// A caller that wanted a listener removed has an answer.
    func removed(_ listener: Int?, _ result: Result<Result<Void, ServerError>, CallError>) {
        switch (result, listener) {
        case (.success(.success), let listener?):
            kernel.tally.note(.answeredRemover)
            if !kernel.listeners[listener].isClosed { violate("a listener is said to be removed, and is open") }
        case (.success(.failure(let error)), nil) where error.code == .notListening: break
        case (.failure(.stopped), _) where post.end != nil: break
        case (.failure(.timeout), _): break
        default: violate("the removal of \(listener.map { "\($0)" } ?? "no listener") came to \(result)")
        }
    }
}

extension Signal {
    /// One that does not stop the server.
    static let simulated = Signal(rawValue: SIGHUP)
}
