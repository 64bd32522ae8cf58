internal import NBEngine
internal import NBLibc

// What each operation does when it is carried out: the one place that knows its system call.
extension EpollEngine {
    @inline(__always)
    mutating func carryOut(_ operation: Operation, _ token: Token, _ isSilent: Bool) {
        switch operation {
        case .sendAtOnce(let descriptor, let bytes):
            _ = send(bytes, descriptor, token, isSilent)
        case .receive(let descriptor, _, let waitsFirst):
            beginReceiving(descriptor, waitsFirst, operation, token, isSilent)
        case .close(let descriptor): close(descriptor, token, isSilent)
        default: carryOutOther(operation, token, isSilent)
        }
    }

    @inline(__always)
    mutating func sendAtOnce(_ bytes: Operation.Bytes, to descriptor: Int32, token: Token) -> Bool {
        send(bytes, descriptor, token, true)
    }

    /// Returns whether the bytes were all taken.
    @inline(__always)
    private mutating func send(_ bytes: Operation.Bytes, _ descriptor: Int32, _ token: Token, _ isSilent: Bool) -> Bool
    {
        let result = bytes.send(to: descriptor, Self.sendFlags)
        end(token, result, full: Int32(clamping: bytes.count), isSilent)
        return result == bytes.count
    }

    /// What most connections do not need.
    @inline(never)
    private mutating func carryOutOther(_ operation: Operation, _ token: Token, _ isSilent: Bool) {
        switch operation {
        case .accept(let listener, _): accept(listener, operation, token, isSilent)
        case .discardInput(let descriptor), .discardByReading(let descriptor):
            waitForInput(descriptor, operation, token, isSilent)
        case .read(let descriptor, _, _): read(descriptor, operation, token, isSilent)
        case .send(let descriptor, _): waitForOutput(descriptor, operation, token, isSilent)
        case .connect(let descriptor, let address):
            connect(descriptor, address, operation, token, isSilent)
        case .disconnect(let descriptor): disconnect(descriptor, token, isSilent)
        case .cancel(let cancelled, let descriptor): cancel(cancelled, descriptor, token, isSilent)
        case .sendAtOnce, .receive, .close: preconditionFailure("carried out by itself")
        }
    }

    /// An operation is over. It stays silent if it was to and has done all of what it was to do.
    @inline(__always)
    mutating func end(_ token: Token, _ result: Int32, full: Int32 = 0, _ isSilent: Bool) {
        if isSilent && result >= full { return }
        completions.append(Completion(token: token, result: result))
    }

    static var sendFlags: Int32 { Int32(MSG_NOSIGNAL | MSG_DONTWAIT) }
}

// What is over at once.
extension EpollEngine {
    @inline(__always)
    private mutating func close(_ descriptor: Int32, _ token: Token, _ isSilent: Bool) {
        pace.noteEnded()
        if descriptor >= 0 {
            let record = table.record(descriptor)
            if record.pointee.hasWaiting { endWaiting(record, -ECANCELED) }
            record.pointee.reset()
        }
        let result = NBLibc.close(descriptor)
        end(token, result < 0 ? -errno : 0, isSilent)
    }

    private mutating func disconnect(_ descriptor: Int32, _ token: Token, _ isSilent: Bool) {
        var noAddress = sockaddr()
        noAddress.sa_family = sa_family_t(AF_UNSPEC)
        let result = NBLibc.connect(descriptor, &noAddress, socklen_t(MemoryLayout<sockaddr>.size))
        let error = errorNumber(result)
        if error == 0 { endWaiting(table.record(descriptor), -ECONNRESET) }
        end(token, -error, isSilent)
    }

    private mutating func cancel(_ cancelled: Token, _ descriptor: Int32, _ token: Token, _ isSilent: Bool) {
        guard descriptor >= 0 else { return end(token, -ENOENT, isSilent) }
        let record = table.record(descriptor)
        guard
            let place = waiting.remove(cancelled, from: &record.pointee.firstInput)
                ?? waiting.remove(cancelled, from: &record.pointee.firstOutput)
        else { return end(token, -ENOENT, isSilent) }
        completions.append(Completion(token: cancelled, result: place.result(or: -ECANCELED)))
        doubtIfUntold(place.operation, record)
        end(token, 0, isSilent)
    }

    /// Everything that waits on a descriptor ends: a send that has sent something with its count.
    @inline(never)
    mutating func endWaiting(_ record: DescriptorTable.Record, _ error: Int32) {
        while case let index = record.pointee.firstInput, index >= 0 {
            completions.append(Completion(token: waiting[index].token, result: error))
            waiting.removeFirst(of: &record.pointee.firstInput)
        }
        while case let index = record.pointee.firstOutput, index >= 0 {
            let place = waiting[index]
            completions.append(Completion(token: place.token, result: place.result(or: error)))
            waiting.removeFirst(of: &record.pointee.firstOutput)
        }
    }
}

// What may have to wait.
extension EpollEngine {
    /// Listeners are closed without the engine being told. So an accept knows nothing of the descriptor: it tries first, and before it
    /// waits, epoll is asked to watch again. Nor does it know that accepting does not block.
    private mutating func accept(_ listener: Int32, _ operation: Operation, _ token: Token, _ isSilent: Bool) {
        let error = Self.prepareAccepting(on: listener)
        guard error == 0 else { return end(token, -error, isSilent) }
        let record = table.record(listener)
        if record.pointee.firstInput < 0 { record.pointee.doubt() }
        waitForInput(record, listener, operation, token, isSilent)
    }

    /// Sees to it that accepting does not block. A descriptor that does not listen is not touched: it may be another owner's.
    private static func prepareAccepting(on listener: Int32) -> Int32 {
        var listens: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 else { return errno }
        guard listens != 0 else { return EINVAL }
        return errorNumber(fcntl(listener, F_SETFL, O_NONBLOCK))
    }

    /// A descriptor that is read may block. So it is read only when epoll has said so, now: what was known may be an earlier owner's.
    private mutating func read(_ descriptor: Int32, _ operation: Operation, _ token: Token, _ isSilent: Bool) {
        guard descriptor >= 0 else { return end(token, -EBADF, isSilent) }
        let record = table.record(descriptor)
        record.pointee.doubt()
        record.pointee.mayRead = false
        switch watch(record, descriptor) {
        case 0: append(&record.pointee.firstInput, operation, token, isSilent)
        // A file, which is always readable. A filter says the same of any descriptor, and then a read might block.
        case EPERM where isReadable(descriptor): end(token, operation.read(), isSilent)
        case let error: end(token, -error, isSilent)
        }
    }

    /// A receive that finds nothing has its socket watched then. One that waits first has it watched at once. If that fails, the receive takes
    /// what is there, or ends with the error: nothing would tell when there is something.
    private mutating func beginReceiving(
        _ descriptor: Int32,
        _ waitsFirst: Bool,
        _ operation: Operation,
        _ token: Token,
        _ isSilent: Bool
    ) {
        guard descriptor >= 0 else { return end(token, -EBADF, isSilent) }
        let record = table.record(descriptor)
        if record.pointee.enterNumber == enterNumber { pace.noteServed() }
        if waitsFirst && record.pointee.watch == .unwatched {
            let error = watch(record, descriptor)
            if error != 0 && !isReadable(descriptor) { return end(token, -error, isSilent) }
            record.pointee.mayRead = error != 0
        }
        waitForInput(record, descriptor, operation, token, isSilent)
    }

    private mutating func waitForInput(_ descriptor: Int32, _ operation: Operation, _ token: Token, _ isSilent: Bool) {
        guard descriptor >= 0 else { return end(token, -EBADF, isSilent) }
        waitForInput(table.record(descriptor), descriptor, operation, token, isSilent)
    }

    @inline(__always)
    private mutating func waitForInput(
        _ record: DescriptorTable.Record,
        _ descriptor: Int32,
        _ operation: Operation,
        _ token: Token,
        _ isSilent: Bool
    ) {
        append(&record.pointee.firstInput, operation, token, isSilent)
        listIfReady(record, descriptor)
    }

    private mutating func waitForOutput(_ descriptor: Int32, _ operation: Operation, _ token: Token, _ isSilent: Bool) {
        guard descriptor >= 0 else { return end(token, -EBADF, isSilent) }
        let record = table.record(descriptor)
        let isFirst = record.pointee.firstOutput < 0
        append(&record.pointee.firstOutput, operation, token, isSilent)
        if isFirst && record.pointee.mayWrite { serveOutput(record, descriptor) }
    }

    private mutating func connect(
        _ descriptor: Int32,
        _ address: Operation.Bytes,
        _ operation: Operation,
        _ token: Token,
        _ isSilent: Bool
    ) {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            return end(token, -errno, isSilent)
        }
        let record = table.record(descriptor)
        let result = address.connect(descriptor)
        guard result == -EINPROGRESS else { return end(token, result, isSilent) }
        append(&record.pointee.firstOutput, operation, token, isSilent)
        awaitOutput(record, descriptor)
    }

    private mutating func append(
        _ first: inout Int32,
        _ operation: Operation,
        _ token: Token,
        _ isSilent: Bool
    ) {
        waiting.append(WaitingOperations.Place(operation, token, isSilent), to: &first)
    }
}
