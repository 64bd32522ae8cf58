import NBEngine

@testable import NBServer

// Listeners that leave together with those of other loops: first each loop serves its queue, then all close.
extension SimulatedHistory {
    /// The loop is asked to serve the queue of the listener at an address.
    ///
    /// - Returns: the call; `nil` if the mailbox has refused it.
    func askToServeQueue(of address: SocketAddress) -> TypedCall<Result<Void, ServerError>>? {
        let call = TypedCall<Result<Void, ServerError>>(post.mailbox.ledger)
        let isTaken = post.request(call) { [self] context, waiter in
            let listener = listener(at: address, context)
            if let listener { noteDeparture(of: listener) }
            call.pending.whenSettled { [self] in served(listener, Result { () throws(CallError) in try call.get() }) }
            context.serveQueue(of: .address(address), for: waiter)
            queueWaits.append((call, listener))
        }
        kernel.note("the queue of \(address) is to be served: \(isTaken ? "taken" : "refused")")
        return isTaken ? call : nil
    }

    /// The loop is asked to close the listener at an address, which was asked to serve its queue before.
    ///
    /// - Returns: the call; `nil` if the mailbox has refused it.
    func askToClose(_ address: SocketAddress) -> TypedCall<Result<Void, ServerError>>? {
        let call = TypedCall<Result<Void, ServerError>>(post.mailbox.ledger)
        let isTaken = post.request(call) { [self] context, remover in
            let listener = listener(at: address, context)
            if let listener {
                noteDeparture(of: listener)
                kernel.listeners[listener].departure?.mayClose = true
            }
            call.pending.whenSettled { [self] in removed(listener, Result { () throws(CallError) in try call.get() }) }
            context.removeServedListener(.address(address), for: remover)
            removals.append((call, listener))
        }
        kernel.note("\(address) is to close when it is served: \(isTaken ? "taken" : "refused")")
        return isTaken ? call : nil
    }

    /// The caller waits no more.
    func giveUp(_ call: TypedCall<Result<Void, ServerError>>) {
        kernel.note("an answer about a listener is not waited for any more")
        call.pending.fail(.timeout(.zero))
        post.mailbox.ledger.strike(call.pending)
    }

    /// A listener is asked to leave. One that was before has begun to serve the clients that waited then.
    private func noteDeparture(of listener: Int) {
        guard kernel.listeners[listener].departure == nil else { return }
        kernel.listeners[listener].departure = SimulatedDeparture(queued: kernel.listeners[listener].backlog)
    }

    /// A caller that waits for a queue to be served has an answer.
    private func served(_ listener: Int?, _ result: Result<Result<Void, ServerError>, CallError>) {
        switch (result, listener) {
        case (.success(.success), let listener?): noteServed(kernel.listeners[listener])
        case (.success(.failure(let error)), nil) where error.code == .notListening: break
        case (.failure(.stopped), _) where post.end != nil: break
        case (.failure(.timeout), _): break
        default: violate("the queue of \(listener.map { "\($0)" } ?? "no listener") came to \(result)")
        }
    }

    private func noteServed(_ listener: SimulatedListener) {
        guard !listener.isClosed, let departure = listener.departure else { return }
        if !departure.wasUnable { expectServed(listener, "says that its queue is served") }
        guard departure.queued > 0 else { return }
        kernel.tally.note(departure.unserved == 0 ? .servedQueue : .unservedQueue)
    }

    /// All clients that waited are accepted, or the listener does not accept.
    private func expectServed(_ listener: SimulatedListener, _ deed: String) {
        guard let departure = listener.departure, departure.unserved > 0, !isUnable(listener) else { return }
        guard !kernel.isStopping, drain == nil || kernel.drain == .serve else { return }
        violate("\(listener.descriptor) \(deed), and \(departure.unserved) of \(departure.queued) clients still wait")
    }

    /// A listener does not accept, so that nothing waits until its queue is served.
    private func isUnable(_ listener: SimulatedListener) -> Bool {
        listener.isPaused || listener.isTroubled || listener.isGoingDown || waitsAtLimit(listener)
    }
}

// What the server decides, which it does not say.
extension SimulatedHistory {
    /// After each turn.
    func noteDepartures() {
        for index in kernel.listeners.indices {
            noteBegin(index)
            noteDecision(index)
            if isUnable(kernel.listeners[index]) { kernel.listeners[index].departure?.wasUnable = true }
        }
    }

    /// The loop waits: everything that was said has left.
    func forgetUnableListeners() {
        for index in kernel.listeners.indices { kernel.listeners[index].departure?.wasUnable = false }
    }

    /// A listener that is asked to serve its queue does so from the end of a turn on, also if it rested before. The place is that of a
    /// listener of the kernel.
    func noteBegin(_ index: Int) {
        guard kernel.listeners.indices.contains(index) else { return }
        let listener = kernel.listeners[index]
        guard let departure = listener.departure, !departure.hasBegun, !listener.isClosed else { return }
        guard let listeners = state?.pointee.listeners, let place = listeners.pointee.index(of: listener.address)
        else { return }
        guard listeners.pointee[place].departure?.hasBegun == true else { return }
        kernel.listeners[index].departure?.hasBegun = true
        kernel.listeners[index].isPaused = false
    }

    /// A listener that may close when it is served is not said to be listened on any more once that is so. One of a server that drains may
    /// close for that reason.
    private func noteDecision(_ index: Int) {
        let listener = kernel.listeners[index]
        guard listener.departure?.mayClose == true, !listener.isRemoved, !listener.isClosed else { return }
        guard drain == nil, post.end == nil, !control.addresses.withLock({ $0.contains(listener.address) }) else {
            return
        }
        expectServed(listener, "is to close")
        kernel.listeners[index].isRemoved = true
    }

    /// The server closes a listener.
    func noteClosing(_ index: Int) {
        let listener = kernel.listeners[index]
        guard let departure = listener.departure, !kernel.isLost else { return }
        // They are discarded at the end of the turn.
        orphanCount += waitingCount(of: listener)
        guard !listener.isRemoved, !listener.isGoingDown else { return }
        if !departure.mayClose && drain == nil && !kernel.isStopping {
            violate("\(listener.descriptor) closes, and others serve their queues")
        }
        // A drain owes nothing to clients that came after its begin, until the departure begins.
        if drain == nil || departure.hasBegun { expectServed(listener, "closes") }
        if drain == nil { kernel.listeners[index].isRemoved = true }
    }

    /// The loop sleeps: no listener that leaves has anything to do.
    func checkDepartures() {
        for (call, listener) in queueWaits where !call.pending.isSettled {
            guard let listener, kernel.listeners[listener].arm?.isCancelled != true else { continue }
            violate("\(kernel.listeners[listener].descriptor) is to serve its queue, and the loop sleeps instead")
        }
        for listener in kernel.listeners where listener.departure?.mayClose == true && !listener.isClosed {
            guard listener.arm?.isCancelled != true else { continue }
            violate("\(listener.descriptor) may close, and the loop sleeps instead")
        }
    }
}
