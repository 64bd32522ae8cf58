internal import NBEngine
internal import NBLibc

// What waits, and goes on when epoll has said so.
extension EpollEngine {
    /// Goes on with what can, descriptor after descriptor, until the completion queue counts as full.
    mutating func serveReady() {
        while completions.count < completionLimit, let descriptor = ready.popFirst() {
            let record = table.record(descriptor)
            record.pointee.isListed = false
            if record.pointee.firstOutput >= 0 && record.pointee.mayWrite { serveOutput(record, descriptor) }
            if record.pointee.firstInput >= 0 && record.pointee.mayRead { serveInput(record, descriptor) }
            listIfReady(record, descriptor)
        }
    }

    /// Whether there is work left on a descriptor: then it is put behind the others.
    @inline(__always)
    mutating func listIfReady(_ record: DescriptorTable.Record, _ descriptor: Int32) {
        guard record.pointee.hasWork, !record.pointee.isListed else { return }
        record.pointee.isListed = true
        ready.append(descriptor)
    }

    /// Sees to it that epoll watches a descriptor on which something waits. Returns an error, or 0.
    ///
    /// Without memory, or beyond the user's limit of watched descriptors, the operation fails as for want of memory.
    mutating func watch(_ record: DescriptorTable.Record, _ descriptor: Int32) -> Int32 {
        let data = UInt64(record.pointee.generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        let interest = record.pointee.interest
        var error: Int32 = 0
        switch record.pointee.watch {
        case .all: return 0
        case .input where interest == .input: return 0
        case .unwatched:
            error = poll.add(descriptor, interest, data: data)
            if error == EEXIST { error = poll.renew(descriptor, interest, data: data) }
        case .input, .unsure:
            error = poll.renew(descriptor, interest, data: data)
            if error == ENOENT { error = poll.add(descriptor, interest, data: data) }
        }
        record.pointee.watch = error != 0 ? .unwatched : interest == .input ? .input : .all
        return error == ENOSPC ? ENOMEM : error
    }

    /// The first of those that wait for input, or all of them, find nothing for now. Without epoll nothing would tell when there is
    /// something: the first ends with the error, and the next one is tried, now or when it comes.
    private mutating func awaitInput(_ record: DescriptorTable.Record, _ descriptor: Int32) {
        record.pointee.mayRead = false
        let error = watch(record, descriptor)
        guard error != 0 else { return }
        endInput(record, -error)
        record.pointee.mayRead = true
    }

    /// The first of those that wait for input is over.
    @inline(__always)
    private mutating func endInput(_ record: DescriptorTable.Record, _ result: Int32) {
        let place = waiting[record.pointee.firstInput]
        end(place.token, result, place.isSilent)
        removeInput(record)
    }

    @inline(__always)
    private mutating func removeInput(_ record: DescriptorTable.Record) {
        let operation = waiting[record.pointee.firstInput].operation
        waiting.removeFirst(of: &record.pointee.firstInput)
        doubtIfUntold(operation, record)
    }

    /// What was accepted on or read is closed without the engine being told.
    @inline(__always)
    func doubtIfUntold(_ operation: Operation, _ record: DescriptorTable.Record) {
        switch operation {
        case .accept, .read: if record.pointee.firstInput < 0 { record.pointee.doubt() }
        default: break
        }
    }
}

// Input: one call, or one run of accepts.
extension EpollEngine {
    private mutating func serveInput(_ record: DescriptorTable.Record, _ descriptor: Int32) {
        let place = waiting[record.pointee.firstInput]
        switch place.operation {
        case .accept(_, let mode): acceptWaiting(record, descriptor, place.token, mode)
        case .receive(_, let mode, _): receive(record, descriptor, place.token, mode)
        case .discardInput: endUnlessEmpty(record, descriptor, NBServer.discardInput(of: descriptor))
        case .discardByReading: endUnlessEmpty(record, descriptor, discardByReading(descriptor))
        case .read: endUnlessEmpty(record, descriptor, place.operation.read())
        default: assertionFailure("this does not wait for input")
        }
    }

    private mutating func endUnlessEmpty(_ record: DescriptorTable.Record, _ descriptor: Int32, _ result: Int32) {
        if result == -EAGAIN { awaitInput(record, descriptor) } else if result != -EINTR { endInput(record, result) }
    }

    /// Takes connections until the run has its length, none is left, or the completion queue counts as full: then the arm ends with the last
    /// one.
    private mutating func acceptWaiting(
        _ record: DescriptorTable.Record,
        _ listener: Int32,
        _ token: Token,
        _ mode: Operation.AcceptMode
    ) {
        pace.noteRun()
        let isOneByOne = pace.isOneByOne
        for count in 0..<(isOneByOne ? 1 : record.pointee.acceptRun.length) {
            let descriptor = nb_server_accept4(listener, O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { return endRun(record, listener, after: count, errno) }
            welcome(descriptor)
            pace.noteAccepted()
            let isLast = mode == .oneShot || completions.count + 1 >= completionLimit
            completions.append(Completion(token: token, result: descriptor, isLast: isLast))
            if isLast { return removeInput(record) }
        }
        if !isOneByOne { record.pointee.acceptRun.wasFilled() }
        postpone(record, listener)
    }

    /// Answers an accept that failed. `EAGAIN` ends the run, `EINTR` leaves the listener among those with work, any other error ends the arm.
    private mutating func endRun(
        _ record: DescriptorTable.Record,
        _ listener: Int32,
        after count: UInt16,
        _ error: Int32
    ) {
        switch error {
        case EINTR: break
        case EAGAIN:
            if !pace.isOneByOne { record.pointee.acceptRun.emptiedQueue(after: count) }
            awaitInput(record, listener)
        default: endInput(record, -error)
        }
    }

    /// The listener is tried again when what it has brought was served.
    private mutating func postpone(_ record: DescriptorTable.Record, _ listener: Int32) {
        record.pointee.isListed = true
        postponed.append(listener)
    }

    /// The descriptor is new, whatever was known of its number.
    @inline(__always)
    private mutating func welcome(_ descriptor: Int32) {
        let record = table.record(descriptor)
        if record.pointee.hasWaiting { endWaiting(record, -ECANCELED) }
        record.pointee.reset()
        record.pointee.enterNumber = enterNumber
    }

    /// Receives once into a buffer; without one, looks whether something is there.
    private mutating func receive(
        _ record: DescriptorTable.Record,
        _ descriptor: Int32,
        _ token: Token,
        _ mode: Operation.ReceiveMode
    ) {
        guard let number = buffers?.take(), let size = buffers?.size, let memory = buffers?.buffer(number) else {
            var byte: UInt8 = 0
            let result = result(recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)))
            return endUnlessEmpty(record, descriptor, result < 0 ? result : -ENOBUFS)
        }
        let result = result(recv(descriptor, memory, size, Int32(MSG_DONTWAIT)))
        guard result > 0 else {
            buffers?.give(number)
            return endUnlessEmpty(record, descriptor, result)
        }
        let isOver = mode == .oneShot
        completions.append(Completion(token: token, result: result, isLast: isOver, buffer: number))
        if isOver { waiting.removeFirst(of: &record.pointee.firstInput) }
        if Int(result) < size { noteShortReceive(record, descriptor, goesOn: !isOver) }
    }

    /// Fewer bytes than would have fitted were there. If epoll watches and has told of nothing but bytes, nothing is left, and what
    /// comes is told. If it does not watch, it is asked to if a receive waits: then it tells what is there, too.
    private mutating func noteShortReceive(_ record: DescriptorTable.Record, _ descriptor: Int32, goesOn: Bool) {
        if record.pointee.isWatched {
            if !record.pointee.hasMoreThanBytes { record.pointee.mayRead = false }
        } else if goesOn {
            awaitInput(record, descriptor)
        }
    }

    private func result(_ count: Int) -> Int32 { count < 0 ? -errno : Int32(truncatingIfNeeded: count) }
}

// Output.
extension EpollEngine {
    /// Goes on with what waits for output, one after the other, until the socket takes nothing.
    mutating func serveOutput(_ record: DescriptorTable.Record, _ descriptor: Int32) {
        while case let index = record.pointee.firstOutput, index >= 0, record.pointee.mayWrite {
            let place = waiting[index]
            switch place.operation {
            case .send(_, let bytes): sendRest(record, descriptor, place, bytes)
            case .connect(_, let address): finishConnecting(record, descriptor, address)
            default: return assertionFailure("this does not wait for output")
            }
        }
    }

    private mutating func sendRest(
        _ record: DescriptorTable.Record,
        _ descriptor: Int32,
        _ place: WaitingOperations.Place,
        _ bytes: Operation.Bytes
    ) {
        let result = bytes.send(to: descriptor, skipping: place.done, Self.sendFlags)
        if result == -EINTR { return }
        if result >= 0 { waiting.add(Int(result), toDoneOf: record.pointee.firstOutput) }
        let done = place.done + Int(max(0, result))
        if done == bytes.count || result < 0 && result != -EAGAIN {
            endOutput(record, done > 0 ? Int32(truncatingIfNeeded: done) : result, full: bytes.count)
        } else {
            awaitOutput(record, descriptor)
        }
    }

    /// Asking again for what is under way tells how far it has come.
    private mutating func finishConnecting(
        _ record: DescriptorTable.Record,
        _ descriptor: Int32,
        _ address: Operation.Bytes
    ) {
        switch address.connect(descriptor) {
        case -EALREADY, -EINPROGRESS: awaitOutput(record, descriptor)
        case 0, -EISCONN: endOutput(record, 0, full: 0)
        case let result: endOutput(record, result, full: 0)
        }
    }

    mutating func awaitOutput(_ record: DescriptorTable.Record, _ descriptor: Int32) {
        record.pointee.mayWrite = false
        let error = watch(record, descriptor)
        guard error != 0 else { return }
        endOutput(record, waiting[record.pointee.firstOutput].result(or: -error), full: .max)
        record.pointee.mayWrite = true
    }

    private mutating func endOutput(_ record: DescriptorTable.Record, _ result: Int32, full: Int) {
        let place = waiting[record.pointee.firstOutput]
        waiting.removeFirst(of: &record.pointee.firstOutput)
        end(place.token, result, full: Int32(clamping: full), place.isSilent)
    }
}
