internal import NBEngine
internal import NBLibc

// How listeners end: with a stop, a drain, a removal from every shard of a group, or an engine that fails.
extension Acceptor {
    /// The server stops.
    mutating func closeListeners(on engine: inout some Engine & ~Copyable) {
        discardWaiting(on: &engine)
        for index in listeners.pointee.open { apply(listeners.pointee[index].state.close(), index) }
    }

    /// The server begins to drain. Each listener serves the clients that were accepted already, and as many as its queue holds now. Clients
    /// that connect later cannot be told apart from those.
    ///
    /// - Parameters:
    ///   - queued: what happens to queued clients.
    ///   - aheadCount: at most how many connections may have been accepted and not delivered yet.
    ///   - calls: the calls that return the queues' lengths.
    mutating func beginToDrain(
        _ queued: QueuedClients,
        aheadCount: Int,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        for index in listeners.pointee.open {
            limitToQueue(index, aheadCount: aheadCount, calls)
            if queued == .serve { listeners.pointee.apply(listeners.pointee[index].state.resume(), index) }
        }
    }

    private mutating func limitToQueue(
        _ index: Int,
        aheadCount: Int,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        checksAdmission = true
        let length = calls.queueLength(of: listeners.pointee[index].socket.descriptor)
        listeners.pointee[index].quota = UInt64(length + aheadCount)
    }

    /// Advances listeners that leave: those whose queues are served say so, and close when they may. One that does not accept, because it is
    /// at a limit or parked, is not waited for. What has been accepted until a listener closes is delivered.
    @inline(never)
    mutating func advanceDepartures(aheadCount: Int, _ calls: borrowing some SocketCalls & ~Copyable) {
        for index in listeners.pointee.departing {
            if listeners.pointee[index].departure?.hasBegun == false {
                listeners.pointee.depart(index) { $0.hasBegun = true }
                limitToQueue(index, aheadCount: aheadCount, calls)
                listeners.pointee.apply(listeners.pointee[index].state.resume(), index)
            }
            let isServing = listeners.pointee[index].state.isServing && !listeners.pointee[index].isWithheld
            guard !isServing || hasServedQueue(index, calls) else { continue }
            listeners.pointee.depart(index) { departure in
                for waiter in departure.waiters { waiter.reply(.success(())) }
                departure.waiters = []
            }
            guard listeners.pointee[index].departure?.closesWhenServed == true else { continue }
            listeners.pointee[index].isRemoved = true
            apply(listeners.pointee[index].state.close(delivering: true), index)
            state.pointee.publishAddresses()
        }
        listeners.pointee.updateDepartures()
    }

    /// Closes listeners of a draining server: those whose queued clients are served or, with `.reset`, all.
    mutating func closeDrained(
        _ queued: QueuedClients,
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        if queued == .reset { discardWaiting(on: &engine) }
        for index in listeners.pointee.open where !listeners.pointee[index].state.isClosing {
            guard queued == .reset || !listeners.pointee[index].isWithheld && hasServedQueue(index, calls) else {
                continue
            }
            listeners.pointee.apply(listeners.pointee[index].state.close(delivering: queued == .serve), index)
        }
    }

    private func hasServedQueue(_ index: Int, _ calls: borrowing some SocketCalls & ~Copyable) -> Bool {
        listeners.pointee[index].quota == 0
            || calls.queueLength(of: listeners.pointee[index].socket.descriptor) == 0
    }

    /// The engine failed: resets connections that were accepted and not delivered, with direct calls.
    mutating func discardUndelivered(_ batch: inout CompletionBatch, of engine: inout some Engine & ~Copyable) {
        closeWaiting()
        repeat {
            for index in batch.advance(by: .max) where batch[index].isAcceptedConnection {
                discardDirectly(batch[index].result)
            }
            batch.removeAll()
            engine.takeCompletions(into: &batch)
        } while batch.count > 0
    }

    /// The same as ``discard(_:for:on:)`` without an engine.
    mutating func discardDirectly(_ descriptor: Int32) {
        counters.pointee.discardedByReason[.stopping] += 1
        var atOnce = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
        NBLibc.close(descriptor)
    }
}

extension Completion {
    fileprivate var isAcceptedConnection: Bool {
        TokenKind(rawValue: token.kind) == .accept && result >= 0
    }
}
