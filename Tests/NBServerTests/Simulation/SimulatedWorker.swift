import NBEngine

@testable import NBServer

/// A worker that does anything a worker may, by chance; its conduct says what it may expect.
struct SimulatedWorker<Role: SimulatedRole>: ConnectionWorker {
    static var options: WorkerOptions { SimulatedRoles.options[Role.number] }

    let history: SimulatedHistory
    let conduct: SimulatedConduct

    private var kernel: SimulatedKernel { history.kernel }

    func connected(_ connection: borrowing WorkerConnection<Self>) throws {
        note("connected", .worker)
        conduct.noteConnected()
        try act(connection)
    }

    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws {
        let deed: Deed = conduct.isAtUnterminatedLine ? .unterminatedLine : .received
        note("received \(bytes.count)", conduct.wanted > 0 ? .receivedExactly : deed)
        conduct.noteReceived(bytes, at: kernel.now)
        try act(connection)
        // Most ask for more.
        if kernel.random.chance(700) && conduct.credit == 0 { ask(connection) }
    }

    func sent(_ connection: borrowing WorkerConnection<Self>) throws {
        note("sent", .sent)
        conduct.noteSentAll(unsent: connection.unsentByteCount)
        // Like one of a type that has nothing to do here.
        if conduct.isDeafToSends { return connection.noteUnheardSend() }
        try act(connection)
    }

    func becameWritable(_ connection: borrowing WorkerConnection<Self>) throws {
        note("writable", .writable)
        conduct.noteWritable(unsent: connection.unsentByteCount, at: kernel.now)
        try act(connection)
    }

    func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) throws {
        note("timeout: \(limit)", limit == .idle ? .idleTimeLimit : limit == .send ? .sendTimeLimit : .receiveTimeLimit)
        // What the client did in time may be among them.
        if kernel.hasTakenRest { kernel.violate("worker \(conduct.number): a limit passes with completions in hand") }
        conduct.noteTimeout(limit, unsent: connection.unsentByteCount, at: kernel.now)
        // One that has no length and goes on would not let time pass.
        if kernel.random.chance(600) { close(connection) } else { try act(connection) }
    }

    func inputEnded(_ connection: borrowing WorkerConnection<Self>) throws {
        let cutByteCount = connection.cutByteCount
        note("inputEnded, \(cutByteCount) bytes cut", cutByteCount > 0 ? .peerClosedInFrame : .inputEnded)
        conduct.notePeerClosed(cut: cutByteCount)
        if kernel.random.chance(700) { close(connection) } else { try act(connection) }
    }

    func handleMessage(_ message: Int, on connection: borrowing WorkerConnection<Self>) throws {
        note("message \(message)", .workerMessage)
        conduct.noteMessageCame(message)
        if history.isOfRun(message) { conduct.noteRunEnded(at: kernel.now) }
        try act(connection)
    }

    func shouldFinish(_ connection: borrowing WorkerConnection<Self>) throws {
        note("finish", .workerFinish)
        conduct.noteFinishCame(drains: history.drain != nil)
        if kernel.random.chance(700) { close(connection) } else { try act(connection) }
    }

    consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
        kernel.note("worker \(conduct.number): closed, \(reason)")
        history.callbacks += 1
        conduct.noteClosed(reason)
        history.check(reason, of: conduct)
    }

    private func note(_ name: @autoclosure () -> String, _ deed: Deed) {
        kernel.note("worker \(conduct.number): \(name())")
        kernel.tally.note(deed)
        history.callbacks += 1
        if history.ends > 0 { history.violate("worker \(conduct.number) is called after terminate") }
    }
}

// What it does.
extension SimulatedWorker {
    private func act(_ connection: borrowing WorkerConnection<Self>) throws {
        for _ in 0..<kernel.random.below(4) { try actOnce(connection) }
    }

    private func actOnce(_ connection: borrowing WorkerConnection<Self>) throws {
        switch kernel.random.below(26) {
        case 0...7: send(connection)
        case 8...14: ask(connection)
        case 15: setFraming(connection)
        case 16 where kernel.random.chance(300): close(connection)
        case 17 where kernel.random.chance(200): reset(connection)
        case 18 where kernel.random.chance(200): finishOutput(connection)
        case 19 where kernel.random.chance(300): detach(connection)
        case 20 where kernel.random.chance(150): try fail()
        case 21: history.sendToWorker(connection.context)
        case 22 where kernel.random.chance(100): history.finishWorker(connection.context)
        case 23 where kernel.random.chance(300): history.assignKept(connection.context)
        case 24 where kernel.random.chance(400): run(connection)
        case 25 where kernel.random.chance(300): history.watchWorker(connection.context)
        default: break
        }
    }

    private func send(_ connection: borrowing WorkerConnection<Self>) {
        let length = kernel.random.chance(850) ? kernel.random.below(40) : kernel.random.below(2500)
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ conduct.number) }
        let before = connection.unsentByteCount
        kernel.note("   worker \(conduct.number): send \(length) bytes")
        let isLive = conduct.isLive
        switch kernel.random.below(4) {
        case 0 where conduct.framing.canTell(length): return sendFrame(bytes, connection)
        case 0, 3: connection.send(bytes)
        case 1: connection.send(bytes.span)
        default:
            var buffer = SendBuffer(capacity: max(1, length))
            buffer.append(bytes.span)
            connection.send(buffer)
        }
        guard isLive else { return }
        conduct.noteSent(
            bytes,
            unsent: (before, connection.unsentByteCount),
            isWritable: connection.isWritable,
            at: kernel.now
        )
    }

    /// With what its framing puts around it.
    private func sendFrame(_ bytes: [UInt8], _ connection: borrowing WorkerConnection<Self>) {
        let before = connection.unsentByteCount
        let isLive = conduct.isLive
        connection.sendFrame(bytes.span)
        guard isLive else { return }
        let frame = conduct.framing.frame(bytes)
        conduct.noteSent(
            frame,
            unsent: (before, connection.unsentByteCount),
            isWritable: connection.isWritable,
            at: kernel.now
        )
    }

    private func ask(_ connection: borrowing WorkerConnection<Self>) {
        if kernel.random.chance(300) {
            let count = 1 + kernel.random.below(min(20, conduct.options.frameLimit))
            kernel.note("   worker \(conduct.number): receive exactly \(count)")
            connection.receive(exactly: count)
            conduct.noteAsked(.once, exactly: count, at: kernel.now)
        } else {
            let mode = SimulatedRoles.drawMode(&kernel.random)
            kernel.note("   worker \(conduct.number): receive, \(mode)")
            connection.receive(mode)
            conduct.noteAsked(mode, at: kernel.now)
        }
    }

    /// Awaits something. What that is plays outside of the loop, where there are no tasks here.
    private func run(_ connection: borrowing WorkerConnection<Self>) {
        guard conduct.isLive, conduct.runCount < conduct.options.runLimit else { return }
        kernel.note("   worker \(conduct.number): awaits something")
        connection.table.pointee.beginRun(connection.slot)
        conduct.noteRun()
        history.runs.append(conduct)
    }

    private func setFraming(_ connection: borrowing WorkerConnection<Self>) {
        let framing = SimulatedRoles.drawFraming(&kernel.random)
        kernel.note("   worker \(conduct.number): framing \(framing)")
        connection.setFraming(framing)
        conduct.noteFraming(framing)
    }

    private func close(_ connection: borrowing WorkerConnection<Self>) {
        kernel.note("   worker \(conduct.number): close")
        connection.close()
        conduct.noteEnd(.closed)
    }

    private func reset(_ connection: borrowing WorkerConnection<Self>) {
        kernel.note("   worker \(conduct.number): reset")
        connection.reset()
        conduct.noteEnd(.reset)
    }

    private func finishOutput(_ connection: borrowing WorkerConnection<Self>) {
        kernel.note("   worker \(conduct.number): finish output")
        connection.finishOutput()
        if conduct.isLive { conduct.socket.isToEndOutput = true }
    }

    private func fail() throws {
        kernel.note("   worker \(conduct.number): throw")
        history.throwCount += 1
        conduct.noteEnd(.failed(history.throwCount))
        throw SimulatedHistory.WorkerRefusal(number: history.throwCount)
    }

    private func detach(_ connection: borrowing WorkerConnection<Self>) {
        kernel.note("   worker \(conduct.number): detach")
        let isLive = conduct.isLive
        history.untoldReceivers += 1
        connection.detach { [history, conduct] detached in
            history.untoldReceivers -= 1
            guard case .success(let connection) = detached else {
                history.kernel.tally.note(.failedDetachment)
                return
            }
            if !isLive { history.violate("worker \(conduct.number) had no connection to detach") }
            history.detached(connection, conduct)
        }
        conduct.noteEnd(.detached)
    }
}

extension WorkerOptions.Framing {
    /// Whether a frame may be so long.
    fileprivate func canTell(_ length: Int) -> Bool {
        if case .lengthHeader(let header) = self { length < 1 << (8 * header.rawValue) } else { true }
    }

    /// A frame, in the simplest way.
    fileprivate func frame(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .raw: bytes
        case .line: bytes + [UInt8(ascii: "\n")]
        case .lengthHeader(.oneByte): [UInt8(bytes.count)] + bytes
        case .lengthHeader(.twoBytes): [UInt8(bytes.count / 256), UInt8(bytes.count % 256)] + bytes
        case .lengthHeader: [0, 0, UInt8(bytes.count / 256), UInt8(bytes.count % 256)] + bytes
        }
    }
}
