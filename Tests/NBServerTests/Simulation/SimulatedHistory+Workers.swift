import Glibc
import NBEngine

@testable import NBServer

// Connections that are given to workers, and what must come of it.
extension SimulatedHistory {
    struct WorkerRefusal: Error {
        let number: Int
    }

    /// Gives a connection to a new worker of any type.
    func assign(_ connection: consuming Connection, _ context: borrowing ServerContext) {
        let descriptor = connection.slot.pointee.descriptor
        guard let socket = kernel.socket(descriptor, "assignment") else { return }
        if kernel.random.chance(500) {
            let worker = makeWorker(FirstRole.self, socket)
            worker.conduct.connection = context.assign(connection, to: worker).id
        } else {
            let worker = makeWorker(SecondRole.self, socket)
            worker.conduct.connection = context.assign(connection, to: worker).id
        }
    }

    func makeWorker<Role: SimulatedRole>(_ role: Role.Type, _ socket: SimulatedSocket) -> SimulatedWorker<Role> {
        let conduct = SimulatedConduct(
            conducts.count,
            socket,
            role: Role.number,
            SimulatedRoles.options[Role.number],
            at: kernel.now
        ) { [unowned self] in violate($0) }
        kernel.note("   \(socket.descriptor) is given to worker \(conduct.number): \(conduct.options)")
        kernel.tally.note(socket.isAdopted ? .workerOfAdopted : .workerOfNew)
        socket.conduct = conduct
        conducts.append(conduct)
        running.append(conduct)
        // Something was done.
        callbacks += 1
        return SimulatedWorker(history: self, conduct: conduct)
    }

    /// Gives a connection that was kept to a worker.
    func assignKept(_ context: borrowing ServerContext) {
        guard !kept.isEmpty else { return }
        let (id, _) = kept.remove(at: kernel.random.below(kept.count))
        guard let connection = try? context.take(id) else { return }
        kernel.tally.note(.workerOfKept)
        assign(connection, context)
    }

    /// Sends one of the workers a message, alive or not.
    func sendToWorker(_ context: borrowing ServerContext) {
        guard let conduct = anyWorker() else { return }
        messageCount += 1
        let message = messageCount
        let wasThere = isThere(conduct)
        do {
            if conduct.role == 0 {
                try worker(conduct, FirstRole.self, context).send(message)
            } else {
                try worker(conduct, SecondRole.self, context).send(message)
            }
            kernel.note("   message \(message) to worker \(conduct.number)")
            if !conduct.isLive || !wasThere {
                violate("a message for worker \(conduct.number) was taken after its end")
            }
            conduct.noteMessage(message)
        } catch {
            kernel.tally.note(.unknownWorker)
            if wasThere && conduct.isLive { violate("worker \(conduct.number) is there, and said not to be") }
        }
    }

    private func worker<Role: SimulatedRole>(
        _ conduct: SimulatedConduct,
        _ role: Role.Type,
        _ context: borrowing ServerContext
    ) -> WorkerRef<SimulatedWorker<Role>> {
        WorkerRef(conduct.connection, context.state.pointee.behavior.mailbox)
    }

    /// Asks one of the workers to come to an end.
    func finishWorker(_ context: borrowing ServerContext) {
        guard let conduct = anyWorker() else { return }
        kernel.note("   worker \(conduct.number) is to finish")
        do {
            if conduct.role == 0 {
                try worker(conduct, FirstRole.self, context).finish()
            } else {
                try worker(conduct, SecondRole.self, context).finish()
            }
            conduct.noteFinish()
        } catch {
            if conduct.isLive && isThere(conduct) { violate("worker \(conduct.number) is there, and said not to be") }
        }
    }

    /// Something that a worker awaits comes.
    func finishRun(_ context: borrowing ServerContext) {
        guard !runs.isEmpty else { return }
        let conduct = runs.remove(at: kernel.random.below(runs.count))
        messageCount += 1
        runMessages.insert(messageCount)
        kernel.note("   message \(messageCount), which worker \(conduct.number) awaits")
        if conduct.isLive && isThere(conduct) {
            conduct.noteMessage(messageCount)
            kernel.tally.note(.workerRun)
        }
        let result = Result<Int, any Error>.success(messageCount)
        if conduct.role == 0 {
            WorkerRef<SimulatedWorker<FirstRole>>.finishRun(0, of: conduct.connection, result, in: context)
        } else {
            WorkerRef<SimulatedWorker<SecondRole>>.finishRun(0, of: conduct.connection, result, in: context)
        }
    }

    func isOfRun(_ message: Int) -> Bool { runMessages.contains(message) }

    /// The behavior wants to hear of a worker's end.
    func watchWorker(_ context: borrowing ServerContext) {
        guard let conduct = anyWorker(), post.end == nil else { return }
        kernel.note("   worker \(conduct.number) is watched")
        kernel.tally.note(conduct.isOver ? .lateWatch : .watch)
        conduct.noteWatched()
        watched.append(conduct)
        do {
            if conduct.role == 0 {
                try context.monitor(worker(conduct, FirstRole.self, context))
            } else {
                try context.monitor(worker(conduct, SecondRole.self, context))
            }
        } catch {
            violate("worker \(conduct.number) cannot be watched: \(error)")
        }
    }

    func noteWatchEnded(_ id: ConnectionID, _ reason: CloseReason) {
        guard let conduct = watched.first(where: { $0.connection == id }) else {
            return violate("the behavior is told of a worker's end that it did not watch")
        }
        conduct.noteWatchEnded("\(reason)")
    }

    private func anyWorker() -> SimulatedConduct? {
        kernel.random.element(of: kernel.random.chance(900) ? running : conducts)
    }

    /// Whether the library still has a worker's connection in use.
    func isThere(_ conduct: SimulatedConduct) -> Bool { slot(of: conduct)?.pointee.phase == .open }

    /// The slot of a worker's connection, as long as it is that.
    func slot(of conduct: SimulatedConduct) -> ConnectionTable.Slot? {
        guard let slot = state?.pointee.connections.pointee.slot(conduct.connection.slot) else { return nil }
        return slot.pointee.hasWorker && slot.pointee.number == conduct.connection.number ? slot : nil
    }

    /// Which workers a type has.
    func listWorkers(_ context: borrowing ServerContext) {
        let listed =
            context.workers(of: SimulatedWorker<FirstRole>.self).map(\.id)
            + context.workers(of: SimulatedWorker<SecondRole>.self).map(\.id)
        let actual = running.filter { $0.isLive && isThere($0) }.map(\.connection)
        if Set(listed) != Set(actual) || listed.count != actual.count {
            violate("\(listed.count) workers are listed, and there are \(actual.count)")
        }
    }
}

// Connections that leave a worker.
extension SimulatedHistory {
    /// Somebody is given a worker's connection: drops it, takes its descriptor, or gives it back to the server.
    func detached(_ connection: DetachedConnection, _ conduct: SimulatedConduct) {
        let socket = conduct.socket
        if conduct.isHandedOut || conduct.isOver && post.end == nil {
            violate("the connection of worker \(conduct.number) is detached twice")
        }
        conduct.isHandedOut = true
        if connection.descriptor != socket.descriptor {
            violate("worker \(conduct.number) detached another connection")
        }
        let unread = socket.said[socket.deliveredCount..<socket.readCount]
        if !connection.unread.elementsEqual(unread) {
            violate("\(connection.unread.count) bytes were detached as unread, and \(unread.count) are")
        }
        if !unread.isEmpty { kernel.tally.note(.detachedUnread) }
        kernel.handOut(socket.descriptor)
        socket.conduct = nil
        switch kernel.random.below(4) {
        case 0: kernel.closeHandedOut(socket)
        case 1: _ = connection.take()
        default: giveBack(connection, socket)
        }
    }

    /// What `Server.adopt` does.
    private func giveBack(_ connection: DetachedConnection, _ socket: SimulatedSocket) {
        socket.isOnItsWay = true
        let parcel = SimulatedParcel(socket, kernel)
        kernel.note("\(connection.descriptor) is given back")
        post.request { [self] context in
            parcel.open()
            kernel.tally.note(.adoption)
            adoptions += 1
            context.state.pointee.adopt(connection, nil)
        }
    }

    /// Whether a worker may hear that its connection has ended for this reason.
    func check(_ reason: CloseReason, of conduct: SimulatedConduct) {
        running.removeAll { $0 === conduct }
        let hasStopped = post.end != nil
        if ends > 0 && conduct.isConnected { violate("worker \(conduct.number) is closed after terminate") }
        kernel.tally.note(Deed(reason))
        let isRight =
            switch reason {
            case .closed: conduct.end == .closed && conduct.cutByteCount == 0
            case .frameCut(let count): conduct.end == .closed && count > 0 && count == conduct.cutByteCount
            case .reset: conduct.end == .reset
            case .detached: conduct.end == .detached && (conduct.isHandedOut || hasStopped)
            case .failed(let error): isRight(error, conduct)
            case .lost: isLost(conduct)
            case .frameTooLong: conduct.end == .none && conduct.nextCut == .tooLong
            case .queueTooLong: conduct.end == .queueTooLong
            case .expired: (conduct.end == .closed || conduct.end == .detached) && isStuck(conduct)
            case .stopped: hasStopped
            case .unknown: false
            }
        if !isRight { violate("worker \(conduct.number), whose end is \(conduct.end), is told: \(reason)") }
    }

    private func isRight(_ error: any Error, _ conduct: SimulatedConduct) -> Bool {
        if let refusal = error as? WorkerRefusal { return conduct.end == .failed(refusal.number) }
        return false
    }

    /// Nobody was cut off that took what it was sent, or waited for what the server had yet to send, when the server last asked. What the
    /// client does after that may come before the reset.
    private func isStuck(_ conduct: SimulatedConduct) -> Bool {
        guard options.wholeCloseTimeLimit == nil, options.closeTimeLimit > .zero, !conduct.socket.isReset else {
            return true
        }
        // It was heard out, which has limits of its own.
        if conduct.socket.hasFinishedOutput && conduct.socket.hasBeenHeardOut { return true }
        guard let look = conduct.socket.lastLook, !look.isWaitingForServer else { return false }
        let limit = min(options.closeTimeLimit, conduct.options.sendTimeLimit ?? options.closeTimeLimit)
        return look.lastTaken + limit <= look.time
    }

    private func isLost(_ conduct: SimulatedConduct) -> Bool {
        guard conduct.socket.hasFailed || conduct.socket.isReset || kernel.buffers.wereRefused else { return false }
        return conduct.end == .none || conduct.end == .closed || conduct.end == .detached
    }
}

// What holds at every wait, and at the end.
extension SimulatedHistory {
    func checkWorkers(_ deadline: Instant?) {
        for conduct in running { check(conduct, deadline) }
        guard isAtRest(deadline) else { return }
        watched.removeAll { $0.isOver && !$0.isWatchOwed }
        for conduct in watched where conduct.isWatchOwed && post.end == nil {
            violate("the behavior is not told of the end of worker \(conduct.number)")
        }
        if kernel.buffers.areOpen && !kernel.buffers.areAllBack { violate("the server rests, and has buffers") }
        if kernel.buffers.hasRefused && !retriesSoon(deadline) {
            violate("buffers were refused, and are not given back")
        }
        if state?.pointee.connections.pointee.closeNotices.isEmpty == false {
            violate("a worker's connection has ended, and it was not told")
        }
    }

    private func check(_ conduct: SimulatedConduct, _ deadline: Instant?) {
        guard let slot = slot(of: conduct) else {
            if ends == 0 && isAtRest(deadline) {
                violate("worker \(conduct.number) has lost its connection, and was not told")
            }
            return
        }
        guard slot.pointee.phase == .open else { return }
        guard conduct.isLive else {
            return violate("the connection of worker \(conduct.number) is open after \(conduct.end)")
        }
        for limit in [TimeLimit.send, .receive, .idle] {
            guard let end = conduct.limitEnd(limit, unsent: slot.unsentByteCount, atTheLatest: true) else { continue }
            if limit != .send && conduct.isHearing(at: kernel.now) { continue }
            // One that waits for completions to be taken is looked at in the next turn.
            if deadline.map({ $0 > max(end, kernel.now).later(byNanoseconds: 1) }) ?? true {
                violate("the loop sleeps longer than worker \(conduct.number) has a \(limit) limit, \(end.nanoseconds)")
            }
        }
        guard isAtRest(deadline) else { return }
        // What was taken at once is known to the loop when it is awake again.
        let takenAtOnce = slot.pointee.isSentAtOnce ? conduct.socket.takenSilentlyCount : 0
        // What follows it waits for that; and if the kernel was short of memory when the loop was awake, until the kernel is entered again.
        let isBehindShortage = takenAtOnce > 0 && isRetryTime(deadline)
        conduct.checkRest(
            unsent: slot.unsentByteCount - takenAtOnce,
            hasStopped: post.end != nil,
            isSendRetried: conduct.socket.isSendRefused && retriesSoon(deadline) || isBehindShortage,
            retriesSoon: retriesSoon(deadline),
            hasBuffers: !kernel.buffers.areAllRefused
        )
    }

    /// The loop wakes up in time to try again what the kernel had no memory for.
    func retriesSoon(_ deadline: Instant?) -> Bool {
        deadline.map { $0 <= kernel.now + .milliseconds(128) } ?? false
    }

    /// Whether the loop waits no longer than it pauses for a kernel that was short of memory when the loop was awake.
    private func isRetryTime(_ deadline: Instant?) -> Bool {
        guard let deadline, let lastRetryTime else { return false }
        return deadline <= max(lastRetryTime, kernel.now)
    }

    /// Nothing has completed, and the loop has nothing to do.
    private func isAtRest(_ deadline: Instant?) -> Bool {
        kernel.hasNothingToTake && !(deadline.map { $0 <= kernel.now } ?? false)
    }

    func checkEndOfWorkers() {
        for conduct in conducts where !conduct.isOver { violate("worker \(conduct.number) was not told of its end") }
        guard let state, !kernel.isLost else { return }
        if state.pointee.connections.pointee.count > 0 { violate("there are connections at the end") }
        if !state.pointee.workers.errors.isEmpty { violate("errors of workers are left at the end") }
        for index in 0..<UInt32(256) {
            guard let slot = state.pointee.connections.pointee.slot(index) else { break }
            if slot.pointee.input != nil { violate("input is left at the end") }
        }
    }
}

extension Deed {
    init(_ reason: CloseReason) {
        self =
            switch reason {
            case .closed: .closedWorker
            case .frameCut: .cutWorker
            case .reset: .resetWorker
            case .detached: .detachedWorker
            case .failed: .failedWorker
            case .lost: .lostWorker
            case .frameTooLong: .tooLongFrame
            case .queueTooLong: .tooLongQueue
            case .expired: .expiredWorker
            case .stopped, .unknown: .stoppedWorker
            }
    }
}
