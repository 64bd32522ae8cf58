import Glibc
import LoopbackClient
import NBEngine

// A connection's life, from due to ended.
extension Generator {
    /// Begins the connections that are due and have a client free.
    mutating func begin(_ now: Moment) throws {
        guard !isOver, failuresInARow < Self.failuresToGiveUp else { return }
        for stream in paces.indices {
            let holds = plan.streams[stream].ending == .hold
            while !holds || inFlight < Self.mostBeforeHeld, let slot = idle[stream].last,
                let due = paces[stream].take(now)
            {
                idle[stream].removeLast()
                try begin(slot, stream, due: due, now)
            }
        }
    }

    private mutating func begin(_ slot: Int32, _ stream: Int, due: Moment, _ now: Moment) throws {
        let client = slots + Int(slot)
        if client.pointee.descriptor < 0 {
            client.pointee.descriptor = try plan.sources.makeSocket(socketsMade, family: addresses.family(stream))
            socketsMade += 1
        }
        client.pointee.generation &+= 1
        client.pointee.state = .connecting
        client.pointee.received = 0
        client.pointee.isWrong = false
        client.pointee.due = due
        client.pointee.began = now
        results[stream].ledger.started += 1
        results[stream].lateness.record(now.since(due))
        inFlight += 1
        if !plan.streams[stream].isBackground { foreground += 1 }
        let address = addresses.address(stream, turn: paces[stream].begun - 1)
        try ask(.connect(descriptor: client.pointee.descriptor, to: address), .connect, slot)
    }

    mutating func answer(_ completion: Completion) throws {
        let slot = Int32(completion.token.slot)
        guard completion.token.generation == slots[Int(slot)].generation & Token.generationMask else { return }
        switch Kind(rawValue: completion.token.kind) {
        case .connect: try connected(slot, completion.result)
        case .read: try received(slot, completion.result)
        // Whatever they fail with, the read hears of it too.
        case .send, .end, .cancel, nil: break
        }
    }

    private mutating func connected(_ slot: Int32, _ result: Int32) throws {
        let client = slots + Int(slot)
        let stream = Int(client.pointee.stream)
        guard client.pointee.state == .connecting else { return try fail(slot, ETIMEDOUT) }
        guard result == 0 else { return try fail(slot, -result) }
        results[stream].ledger.connected += 1
        results[stream].connecting.record(Moment.now().since(client.pointee.due))
        failuresInARow = 0
        try sendRequest(slot)
        if plan.streams[stream].waitsUntilAllAreConnected {
            client.pointee.state = .queued
            lastConnected = client.pointee.descriptor
            queued += 1
        } else {
            client.pointee.state = .waiting
            try read(slot)
        }
    }

    private mutating func sendRequest(_ slot: Int32) throws {
        let client = slots[Int(slot)]
        guard let request = request(of: Int(client.stream)) else { return }
        try ask(.send(descriptor: client.descriptor, bytes: request), .send, slot, silently: true)
    }

    /// Once everybody is connected, and whoever asked for that has been told, the answers are read.
    mutating func readQueued() throws {
        guard queued > 0, queued == inFlight else { return }
        for stream in paces.indices where paces[stream].hasMore(Moment.now()) && !idle[stream].isEmpty { return }
        try plan.whenConnected?(lastConnected)
        queued = 0
        let now = Moment.now()
        for slot in 0..<Int32(slotCount) where slots[Int(slot)].state == .queued {
            slots[Int(slot)].state = .waiting
            slots[Int(slot)].began = now
            try read(slot)
        }
    }

    private mutating func read(_ slot: Int32) throws {
        let room = Operation.Memory(memory + Int(slot) * Self.room)
        let descriptor = slots[Int(slot)].descriptor
        try ask(.read(descriptor: descriptor, into: room, count: UInt32(Self.room)), .read, slot)
    }

    private mutating func received(_ slot: Int32, _ result: Int32) throws {
        let client = slots + Int(slot)
        let stream = Int(client.pointee.stream)
        guard client.pointee.state == .waiting else { return try fail(slot, ETIMEDOUT) }
        guard result >= 0 else { return try fail(slot, -result) }
        guard result > 0 else { return try ended(slot) }
        if client.pointee.received == 0 { results[stream].firstByte.record(Moment.now().since(client.pointee.due)) }
        compare(slot, result)
        client.pointee.received += result
        results[stream].bytes += Int(result)
        if plan.streams[stream].ending == .hold, hasWholeAnswer(slot) { return hold(slot) }
        if isToAskAgain(slot) { try sendRequest(slot) }
        try read(slot)
    }

    private func compare(_ slot: Int32, _ count: Int32) {
        let client = slots + Int(slot)
        guard case .exactly(let expected) = plan.streams[Int(client.pointee.stream)].answer else { return }
        let from = Int(client.pointee.received)
        let bytes = UnsafeBufferPointer(start: memory + Int(slot) * Self.room, count: Int(count))
        let fits = from + Int(count) <= expected.count && bytes.elementsEqual(expected[from..<from + Int(count)])
        if !fits { client.pointee.isWrong = true }
    }

    private func hasWholeAnswer(_ slot: Int32) -> Bool {
        let client = slots[Int(slot)]
        let stream = plan.streams[Int(client.stream)]
        switch stream.answer {
        case .nothing: return client.received == 0
        case .anything: return client.received > 0
        case .exactly(let expected): return Int(client.received) == expected.count && !client.isWrong
        case .pieces(let each, let last): return Int(client.received) == each * (stream.exchanges - 1) + last
        }
    }

    /// The answer to one of several requests is complete.
    private func isToAskAgain(_ slot: Int32) -> Bool {
        let stream = plan.streams[Int(slots[Int(slot)].stream)]
        guard stream.exchanges > 1 else { return false }
        let received = Int(slots[Int(slot)].received)
        switch stream.answer {
        case .exactly(let expected):
            return received < expected.count && received % (expected.count / stream.exchanges) == 0
        case .pieces(let each, _):
            return received <= each * (stream.exchanges - 1) && received % each == 0
        case .nothing, .anything: return false
        }
    }

    /// The server has ended the connection.
    private mutating func ended(_ slot: Int32) throws {
        let client = slots + Int(slot)
        let stream = Int(client.pointee.stream)
        results[stream].whole.record(Moment.now().since(client.pointee.due))
        if plan.streams[stream].ending != .hold && hasWholeAnswer(slot) {
            results[stream].ledger.answered += 1
        } else {
            results[stream].ledger.wrong += 1
        }
        if plan.streams[stream].ending == .orderly {
            SourceAddresses.setOrderlyEnd(client.pointee.descriptor)
            try close(slot)
        } else {
            try ask(.disconnect(descriptor: client.pointee.descriptor), .end, slot, silently: true)
        }
        release(slot)
    }

    private mutating func hold(_ slot: Int32) {
        let client = slots + Int(slot)
        results[Int(client.pointee.stream)].ledger.answered += 1
        client.pointee.state = .held
        noteEnd(slot)
    }

    private mutating func fail(_ slot: Int32, _ error: Int32) throws {
        let stream = Int(slots[Int(slot)].stream)
        failuresInARow += 1
        switch error {
        case ECONNREFUSED: results[stream].ledger.refused += 1
        case ECONNRESET, EPIPE: results[stream].ledger.reset += 1
        case ETIMEDOUT, ECANCELED: results[stream].ledger.timedOut += 1
        default:
            results[stream].ledger.failed += 1
            results[stream].ledger.lastError = error
        }
        try close(slot)
        release(slot)
    }

    private mutating func close(_ slot: Int32) throws {
        try ask(.close(descriptor: slots[Int(slot)].descriptor), .end, slot, silently: true)
        slots[Int(slot)].descriptor = -1
    }

    private mutating func release(_ slot: Int32) {
        slots[Int(slot)].state = .idle
        idle[Int(slots[Int(slot)].stream)].append(slot)
        noteEnd(slot)
    }

    private mutating func noteEnd(_ slot: Int32) {
        inFlight -= 1
        if !plan.streams[Int(slots[Int(slot)].stream)].isBackground { foreground -= 1 }
    }

    /// Cancels what takes too long; its completion then ends the connection.
    mutating func enforceLimits(_ now: Moment) throws {
        let patience = Moment(seconds: plan.patience)
        for slot in 0..<Int32(slotCount) {
            let client = slots + Int(slot)
            let kind: Kind
            switch client.pointee.state {
            case .connecting: kind = .connect
            case .waiting: kind = .read
            case .idle, .queued, .held, .cancelled: continue
            }
            guard now.since(client.pointee.began) > patience else { continue }
            let generation = client.pointee.generation
            client.pointee.state = .cancelled
            let token = Token(kind: kind.rawValue, generation: generation, slot: UInt32(slot))
            let cancel = Operation.cancel(token, descriptor: client.pointee.descriptor)
            try ask(cancel, .cancel, slot, silently: true)
        }
    }
}
