import NBEngine

@testable import NBServer

/// A behavior that does anything a behavior may, by chance.
struct SimulatedBehavior: NonBlockingServer {
    typealias Call = SimulatedCall
    typealias Cast = SimulatedCast
    typealias Worker = SimulatedWorker<FirstRole>

    let history: SimulatedHistory

    private var kernel: SimulatedKernel { history.kernel }

    init(history: SimulatedHistory) {
        self.history = history
    }

    func begin(_ context: borrowing ServerContext) throws -> Verdict {
        noteCallback("begin")
        if kernel.random.chance(5) { throw SimulatedHistory.Refusal() }
        doMore(context)
        return verdict()
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) throws -> Verdict {
        let number = history.deliveries.count
        let descriptor = connection.slot.pointee.descriptor
        noteCallback("newConnection \(number): \(descriptor)")
        guard let socket = kernel.socket(descriptor, "delivery") else { return .continue }
        check(socket, context.listenerAddress(of: connection))
        socket.isDelivered = true
        history.deliveries.append(SimulatedHistory.Delivery(socket: socket))
        history.checkLimits()
        if !socket.isAdopted { history.checkAdmitted(socket) }
        for _ in 0..<kernel.random.below(3) { send(number, on: connection) }
        useAnother(context)
        doMore(context)
        if kernel.random.chance(history.workerRate) { return try employ(connection, context) }
        let choice = kernel.random.below(10)
        kernel.note(
            "   \(number): \(["close", "close", "close", "close", "keep", "keep", "release", "reset", "hold", "throw"][choice])"
        )
        switch choice {
        case 0...3: connection.close()
        case 4, 5: keep(connection, number, context)
        case 6: detach(connection)
        case 7: connection.reset()
        case 8: history.held.append(SimulatedHistory.Held(connection, number: number))
        default:
            history.throwCount += 1
            throw SimulatedHistory.Refusal()
        }
        return verdict()
    }

    /// Gives a connection to a worker.
    private func employ(_ connection: consuming Connection, _ context: borrowing ServerContext) throws -> Verdict {
        if kernel.random.chance(200) {
            let worker = try makeWorker(for: connection, in: context)
            worker.conduct.connection = context.assign(connection, to: worker).id
        } else {
            history.assign(connection, context)
        }
        guard kernel.random.chance(10) else { return verdict() }
        kernel.tally.note(.throwAfterAssignment)
        history.throwCount += 1
        history.conducts.last?.noteEnd(.failed(history.throwCount))
        throw SimulatedHistory.WorkerRefusal(number: history.throwCount)
    }

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) throws -> Worker {
        guard kernel.random.chance(950),
            let socket = kernel.socket(connection.slot.pointee.descriptor, "making a worker")
        else {
            history.throwCount += 1
            throw SimulatedHistory.Refusal()
        }
        return history.makeWorker(FirstRole.self, socket)
    }

    private func check(_ socket: SimulatedSocket, _ address: SocketAddress?) {
        if socket.isDelivered { history.violate("\(socket.descriptor) delivered twice") }
        if history.options.whenExhausted == .shed && !kernel.hasReserve && !socket.isAdopted {
            history.violate("\(socket.descriptor) delivered without a reserve for the next")
        }
        guard !socket.isAdopted else {
            if address != nil { history.violate("\(socket.descriptor) came from elsewhere, and by \(address as Any)") }
            return
        }
        guard let listener = socket.listener else {
            return history.violate("\(socket.descriptor) delivered, which came with a stale token")
        }
        if address != kernel.listeners[listener].address {
            history.violate("\(socket.descriptor) did not come by \(address.map { "\($0)" } ?? "nobody")")
        }
    }

    func handleCall(_ call: SimulatedCall, in context: borrowing ServerContext) throws -> Verdict {
        noteMessage("handleCall \(call.number): \(call.wish)", call.origin)
        doMore(context)
        switch call.wish {
        case .answerAtOnce:
            history.post.reply(call.number, call.number, call.caller)
        case .answerTwice:
            history.post.reply(call.number, call.number, call.caller)
            call.caller.reply(-1)
        case .answerLater:
            hold(call)
        case .letGo:
            history.post.noteLetGo(call.number)
        case .fail:
            history.post.noteLetGo(call.number)
            throw refusal()
        case .keepAndFail:
            hold(call)
            throw refusal()
        }
        return verdict()
    }

    func handleCast(_ cast: SimulatedCast, in context: borrowing ServerContext) throws -> Verdict {
        noteMessage("handleCast \(cast.origin.order) of sender \(cast.origin.sender)", cast.origin)
        kernel.tally.note(.cast)
        doMore(context)
        if cast.fails { throw refusal() }
        return verdict()
    }

    func handleContinue(_ context: borrowing ServerContext) throws -> Verdict {
        let isExpected = history.timing.expectsContinuation
        noteCallback("handleContinue", isContinuation: true)
        if !isExpected { history.violate("a step that nobody has asked for") }
        // Answers have left before the step that follows them.
        history.post.checkStep(isSuspended: history.isSuspended, isAwaited: false)
        kernel.tally.note(.continuation)
        doMore(context)
        if kernel.random.chance(5) { throw refusal() }
        return verdict()
    }

    func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        let timeout = history.timing.timeout
        noteCallback("handleInfo: \(info)")
        note(info, timeout)
        for _ in 0..<3 { useAnother(context) }
        doMore(context)
        noteLastListener(info)
        if kernel.random.chance(5) { throw refusal() }
        return verdict()
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        noteCallback("terminate", isLast: true)
        history.checkReason(reason)
        for _ in 0..<3 { answerLater(context) { $0.tally.note(.answerInTerminate) } }
        // It is too late for that; the connection ends like all others.
        if kernel.random.chance(100) { history.assignKept(context) }
        history.ends += 1
        for listener in kernel.listeners where !listener.isClosed {
            history.violate("\(listener.descriptor) is open while the behavior terminates")
        }
        // What is held beyond the end is held against the rules.
        if kernel.random.chance(700) { history.held = [] }
        // A caller may be kept as long as one likes.
        if kernel.random.chance(300) { dropCallers() }
    }
}

// What it is told.
extension SimulatedBehavior {
    private func noteCallback(_ name: @autoclosure () -> String, isContinuation: Bool = false, isLast: Bool = false) {
        kernel.note("callback: \(name())")
        if history.ends > 0 { history.violate("a callback after terminate") }
        if history.timing.expectsContinuation && !isContinuation && !isLast {
            history.violate("another callback before the step that was asked for")
        }
        history.timing.noteCallback()
        history.callbacks += 1
    }

    private func noteMessage(_ name: @autoclosure () -> String, _ origin: SimulatedCall.Origin) {
        noteCallback(name())
        if history.isSuspended { history.violate("a message is handled while the server is suspended") }
        history.post.noteHandled(origin)
    }

    private func note(_ info: ServerInfo, _ timeout: Instant?) {
        switch info {
        case .connectionFailed: break
        case .workerEnded(let id, let reason): history.noteWatchEnded(id, reason)
        case .timeout: noteTimeout(timeout)
        case .timer(let timer): note(timer)
        case .signal(let signal):
            if !history.hasSignal || signal != .simulated { history.violate("\(signal) has not come") }
            history.hasSignal = false
            kernel.tally.note(.signal)
        case .connectionLost(let id):
            if !history.lost.insert(id).inserted { history.violate("a connection is lost twice") }
            noteLoss(of: id)
            history.kept.removeAll { $0.id == id }
        case .listenerRemoved(let address): noteRemoved(address)
        case .draining: history.noteDraining()
        case .listenerParked(let address, _): note(address, isTroubled: true)
        case .listenerShedding(let address, _): note(address, isTroubled: true)
        case .listenerRecovered(let address): note(address, isTroubled: false)
        case .listenerAtLimit(let address, _): history.note(address, isAtLimit: true)
        case .listenerBelowLimit(let address): history.note(address, isAtLimit: false)
        case .listenerDown(let address, _):
            // Those of its connections that wait at a limit are reset with it.
            let waiting = history.state?.pointee.desk?.pointee.waiting ?? []
            history.orphanCount += waiting.count { $0.account.pointee.address == address }
            if let index = index(address) { kernel.listeners[index].isDown = true }
        }
    }

    /// A server whose last listener goes down stops, unless the behavior has just added one or has it drain.
    private func noteLastListener(_ info: ServerInfo) {
        guard case .listenerDown = info, history.drain == nil else { return }
        if kernel.listeners.allSatisfy(\.isClosed) { kernel.noteStop() }
    }

    private func noteTimeout(_ timeout: Instant?) {
        kernel.tally.note(.timeout)
        if history.isSuspended { history.violate("a timeout while the server is suspended") }
        guard let timeout, timeout <= kernel.now else {
            return history.violate("a timeout too early, or that nobody has asked for")
        }
    }

    private func note(_ timer: TimerID) {
        kernel.tally.note(.timer)
        if history.isSuspended { history.violate("a timer while the server is suspended") }
        guard let due = history.timing.remove(timer) else {
            return history.violate("a timer that was told, or taken back, before")
        }
        if due > kernel.now { history.violate("a timer too early") }
    }

    private func noteRemoved(_ address: SocketAddress) {
        let removed = kernel.listeners.firstIndex { $0.address == address && $0.isRemoved && !$0.isToldRemoved }
        guard let index = removed ?? (history.drain == nil ? nil : departed(address)) else {
            return history.violate("\(address) is said to be removed, and was not asked to be")
        }
        if !kernel.listeners[index].isClosed { history.violate("\(address) is said to be removed, and is open") }
        kernel.listeners[index].isToldRemoved = true
    }

    /// One that leaves while the server drains may close for either reason.
    private func departed(_ address: SocketAddress) -> Int? {
        index(address).flatMap { kernel.listeners[$0].departure?.mayClose == true ? $0 : nil }
    }

    /// The one that came last: another comes only when the one before is closed.
    private func index(_ address: SocketAddress) -> Int? {
        kernel.listeners.lastIndex { $0.address == address }
    }

    private func note(_ address: SocketAddress, isTroubled: Bool) {
        guard let index = index(address) else { return }
        if kernel.listeners[index].isTroubled == isTroubled { history.violate("\(address) said twice: \(isTroubled)") }
        let isRemoved = kernel.listeners[index].isRemoved && kernel.listeners[index].departure == nil
        if isRemoved { history.violate("\(address) is removed, and said to be \(isTroubled)") }
        kernel.listeners[index].isTroubled = isTroubled
    }
}

// What it answers.
extension SimulatedBehavior {
    private func verdict() -> Verdict {
        let verdict = drawVerdict()
        history.timing.note(verdict, at: kernel.now)
        return verdict
    }

    private func drawVerdict() -> Verdict {
        if kernel.random.chance(4) {
            kernel.noteStop()
            return .stop
        }
        guard kernel.random.chance(history.bustle.inside) else { return .continue }
        guard kernel.random.chance(600) else { return .handleContinue }
        return .continue(timeout: duration())
    }

    private func refusal() -> SimulatedHistory.Refusal {
        kernel.noteStop()
        return SimulatedHistory.Refusal()
    }

    private func duration() -> Duration {
        kernel.random.element(of: [.zero, .milliseconds(1), .milliseconds(500), .seconds(3)]) ?? .zero
    }
}

// What it does beyond what it must.
extension SimulatedBehavior {
    private func doMore(_ context: borrowing ServerContext) {
        guard kernel.random.chance(history.bustle.inside) else { return }
        switch kernel.random.below(14) {
        case 10: history.assignKept(context)
        case 11: history.sendToWorker(context)
        case 12: history.listWorkers(context)
        case 13: history.finishWorker(context)
        case 0, 1: startTimer(context)
        case 2, 3: cancelTimer(context)
        case 4, 5: answerLater(context) { $0.tally.note(.laterAnswer) }
        case 6: useAnother(context)
        case 7 where kernel.random.chance(150): history.drain(context)
        default: history.changeListeners(context)
        }
    }

    private func startTimer(_ context: borrowing ServerContext) {
        let duration = duration()
        let timer = context.startTimer(after: duration)
        kernel.note("   timer \(timer.number) after \(duration)")
        history.timing.start(timer, due: kernel.now + duration)
    }

    private func cancelTimer(_ context: borrowing ServerContext) {
        guard let (timer, due) = history.timing.timers.min(by: { $0.key.number < $1.key.number }) else { return }
        kernel.note("   timer \(timer.number) is taken back")
        kernel.tally.note(.cancelledTimer)
        _ = history.timing.remove(timer)
        let rest = context.cancelTimer(timer)
        if rest != kernel.now.duration(to: due) {
            history.violate("a timer had \(rest.map { "\($0)" } ?? "nothing") left")
        }
        if context.cancelTimer(timer) != nil { history.violate("a timer was taken back twice") }
    }

    private func hold(_ call: SimulatedCall) {
        history.post.noteHeld(call.number)
        history.callers.append((call.number, call.caller))
    }

    /// Answers a call of earlier, or lets go of it.
    private func answerLater(_ context: borrowing ServerContext, _ note: (SimulatedKernel) -> Void) {
        guard !history.callers.isEmpty else { return }
        let (number, caller) = history.callers.remove(at: kernel.random.below(history.callers.count))
        if kernel.random.chance(800) {
            note(kernel)
            history.post.reply(number, number &+ 1, caller)
        } else {
            history.post.noteLetGo(number)
        }
    }

    private func dropCallers() {
        for (number, _) in history.callers { history.post.noteLetGo(number) }
        history.callers = []
    }
}

// What it does with connections.
extension SimulatedBehavior {
    private func send(_ number: Int, on connection: borrowing Connection) {
        let length = kernel.random.chance(900) ? kernel.random.below(40) : kernel.random.below(3000)
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ number) }
        kernel.note("   \(number): send \(length) bytes")
        history.deliveries[number].socket.sent += bytes
        connection.send(bytes)
    }

    /// Does something to a connection of earlier.
    private func useAnother(_ context: borrowing ServerContext) {
        if kernel.random.chance(300), !history.kept.isEmpty {
            useKept(kernel.random.below(history.kept.count), context)
        }
        if kernel.random.chance(300), !history.held.isEmpty {
            useHeld(kernel.random.below(history.held.count), context)
        }
    }

    private func useKept(_ choice: Int, _ context: borrowing ServerContext) {
        let (id, number) = history.kept[choice]
        if kernel.random.chance(500) {
            try? context.withConnection(id) { send(number, on: $0) }
        } else {
            history.kept.remove(at: choice)
            if let connection = try? context.take(id) { end(connection) }
        }
    }

    /// Ends it, or has the server keep it, also if it has broken meanwhile.
    private func useHeld(_ choice: Int, _ context: borrowing ServerContext) {
        let held = history.held.remove(at: choice)
        guard let connection = held.take() else { return }
        if kernel.random.chance(600) {
            keep(connection, held.number, context)
        } else {
            end(connection)
        }
    }

    /// A connection is lost because it cannot be sent to, or because its peer has ended its side and is watched.
    private func noteLoss(of id: ConnectionID) {
        guard let number = history.kept.first(where: { $0.id == id })?.number else { return }
        let socket = history.deliveries[number].socket
        guard !socket.hasFailed else { return }
        if history.watchedPeers.contains(id) && (socket.clientHasEnded || kernel.buffers.wereRefused) {
            kernel.tally.note(.lostPeer)
        } else {
            history.violate("connection \(number) is lost for no reason")
        }
    }

    private func keep(_ connection: consuming Connection, _ number: Int, _ context: borrowing ServerContext) {
        let isWatched = kernel.random.chance(300)
        let id = context.keep(connection, watchingPeer: isWatched)
        history.kept.append((id, number))
        if isWatched { history.watchedPeers.insert(id) }
    }

    private func end(_ connection: consuming Connection) {
        switch kernel.random.below(3) {
        case 0: connection.close()
        case 1: connection.reset()
        default: detach(connection)
        }
    }

    /// At once, if nothing was asked of it before; it is closed else. Or by ``Connection/detach(to:)``: what receives the descriptor may
    /// answer a call.
    private func detach(_ connection: consuming Connection) {
        if kernel.random.chance(300) {
            let isUnused = connection.slot.pointee.isUnused
            let descriptor = connection.takeDescriptor()
            if let descriptor { kernel.handOutUnused(descriptor) }
            if isUnused != (descriptor != nil) { history.violate("whether it is taken is not what its slot says") }
            return
        }
        history.untoldReceivers += 1
        connection.detach { [history] connection in
            history.untoldReceivers -= 1
            guard case .success(let connection) = connection, let taken = connection.take() else {
                history.kernel.tally.note(.failedDetachment)
                return
            }
            history.kernel.handOut(taken.descriptor)
            guard history.ends == 0, history.kernel.random.chance(300) else { return }
            guard let (number, caller) = history.callers.popLast() else { return }
            history.kernel.tally.note(.answerBetweenCallbacks)
            history.post.reply(number, number, caller)
        }
    }
}
