import NBEngine

@testable import NBServer

// What is done to listeners, by callbacks and at the wish of others, and what must come of it.
extension SimulatedHistory {
    /// Adds, removes, pauses or unpauses one.
    func changeListeners(_ context: borrowing ServerContext) {
        switch kernel.random.below(8) {
        case 0, 1: if kernel.listeners.count < 12 { addListener(anyAddress(), context) }
        case 2: removeListener(listenersAddress(), context)
        case 3, 4: pauseListener(listenersAddress(), context)
        default: resumeListener(listenersAddress { $0.isPaused }, context)
        }
    }

    private func anyAddress() -> SocketAddress { SimulatedKernel.address(kernel.random.below(6)) }

    /// Mostly of such a listener, if there is one.
    func listenersAddress(_ isSuch: (SimulatedListener) -> Bool = { _ in true }) -> SocketAddress {
        let such = kernel.listeners.filter { !$0.isClosed && !$0.isRemoved && isSuch($0) }
        guard kernel.random.chance(900) else { return anyAddress() }
        return kernel.random.element(of: such)?.address ?? anyAddress()
    }

    /// The listener at an address, unless it is closed or to be. Which ones a server has decided to close because it drains or their
    /// queues are served, only it can tell.
    func listener(at address: SocketAddress, _ context: borrowing ServerContext) -> Int? {
        let index = kernel.listeners.lastIndex { $0.address == address && !$0.isClosed && !$0.isRemoved }
        guard let index, drain != nil || kernel.listeners[index].departure?.mayClose == true else { return index }
        return context.addresses.contains(address) ? index : nil
    }

    private func addListener(_ address: SocketAddress, _ context: borrowing ServerContext) {
        let isThere = listener(at: address, context) != nil
        let isTaken = kernel.listeners.contains { $0.address == address && !$0.isClosed }
        let isFull = kernel.listeners.count { !$0.isClosed } >= options.listenerLimit
        do throws(ServerError) {
            let got = try context.addListener(on: Endpoint(address.description)).address
            kernel.tally.note(.addedListener)
            if isThere || isTaken || isFull || got != address || drain != nil || ends > 0 {
                violate("\(address) was added, and should not have been")
            }
        } catch {
            kernel.note("\(address) is not added: \(error.code)")
            kernel.tally.note(.refusedListener)
            switch error.code {
            case .stopped where drain != nil || post.end != nil: break
            case .alreadyListening where isThere: break
            case .tooManyListeners where !isThere && isFull: break
            case .addressInUse where !isThere && isTaken && !isFull: break
            default: violate("\(address) was not added: \(error)")
            }
        }
    }

    private func removeListener(_ address: SocketAddress, _ context: borrowing ServerContext) {
        let listener = noteRemoval(of: address, context)
        check(address, listener) { () throws(ServerError) in try context.removeListener(on: address) }
    }

    /// A listener is about to be removed.
    func noteRemoval(of address: SocketAddress, _ context: borrowing ServerContext) -> Int? {
        guard let listener = listener(at: address, context) else { return nil }
        kernel.note("\(address) is to be removed: \(kernel.listeners[listener].descriptor)")
        kernel.tally.note(.removedListener)
        kernel.listeners[listener].isRemoved = true
        // It waits for no queue any more.
        kernel.listeners[listener].departure = nil
        return listener
    }

    private func pauseListener(_ address: SocketAddress, _ context: borrowing ServerContext) {
        let listener = listener(at: address, context)
        kernel.note("\(address) is to rest")
        check(address, listener) { () throws(ServerError) in try context.pauseListener(on: address) }
        guard let listener else { return }
        noteBegin(listener)
        kernel.tally.note(.pausedListener)
        kernel.listeners[listener].isPaused = true
    }

    private func resumeListener(_ address: SocketAddress, _ context: borrowing ServerContext) {
        let listener = listener(at: address, context)
        kernel.note("\(address) is not to rest")
        check(address, listener) { () throws(ServerError) in try context.resumeListener(on: address) }
        guard let listener, kernel.listeners[listener].isPaused else { return }
        kernel.tally.note(.unpausedListener)
        // Between connections that end, in the turn in which the loop has seen that it rests.
        kernel.listeners[listener].departure?.wasUnable = true
        kernel.listeners[listener].isPaused = false
    }

    private func check(_ address: SocketAddress, _ listener: Int?, _ body: () throws(ServerError) -> Void) {
        do throws(ServerError) {
            try body()
            if listener == nil { violate("there is nobody on \(address), and nobody says so") }
        } catch {
            kernel.tally.note(.unknownListener)
            if error.code != .notListening || listener != nil { violate("\(address): \(error)") }
        }
    }

    /// Has the server drain.
    func drain(_ context: borrowing ServerContext) {
        let queued: QueuedClients = kernel.random.chance(600) ? .serve : .reset
        let limit: Duration = kernel.random.element(of: [.zero, .seconds(1), .seconds(10), .seconds(1000)]) ?? .zero
        kernel.note("it is to drain within \(limit), who waits: \(queued)")
        context.drain(queued: queued, within: limit)
        let deadline = kernel.now + limit
        if drain == nil { kernel.tally.note(queued == .serve ? .drainServing : .drainLeaving) }
        kernel.noteDrain(queued)
        drain = (min(deadline, drain?.deadline ?? deadline), drain?.isTold ?? false)
    }

    /// The server has begun to drain: those that rested serve who waits.
    func noteDraining() {
        if drain == nil || drain?.isTold == true { violate("it drains, and was not asked to, or has said so") }
        drain?.isTold = true
        guard kernel.drain == .serve else { return }
        for index in kernel.listeners.indices { kernel.listeners[index].isPaused = false }
    }
}
