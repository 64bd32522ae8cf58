import Glibc
import NBEngine

@testable import NBServer

// Receives, and the buffers they go into.
extension SimulatedKernel {
    func receive(_ descriptor: Int32, _ mode: NBEngine.Operation.ReceiveMode, _ token: Token) {
        guard let socket = socket(descriptor, "receive") else { return post(token, -EBADF, of: descriptor) }
        if socket.receive != nil || socket.discard != nil { violate("two receives in flight on \(descriptor)") }
        if !buffers.areOpen { violate("a receive on \(descriptor), although there are no buffers") }
        subjects[token] = socket
        socket.isReceiveRefused = happens(.outOfMemory)
        guard !socket.isReceiveRefused else { return post(token, -ENOMEM, of: descriptor) }
        socket.receive = SimulatedSocket.Receive(token: token, isMultishot: mode == .multishot)
        // The kernel sets a buffer aside before it looks whether anything has arrived.
        if buffers.hasFree { receiveOn(socket) } else { finishReceive(of: socket, -ENOBUFS) }
    }

    /// A receive goes on as far as it can.
    func receiveOn(_ socket: SimulatedSocket) {
        while let receive = socket.receive {
            if let errno = drawReceiveFailure() {
                if errno != EINTR && errno != EAGAIN && errno != ECANCELED { socket.hasFailed = true }
                finishReceive(of: socket, -errno)
            } else if socket.unread > 0 {
                if buffers.hasFree { fill(receive, socket) } else { finishReceive(of: socket, -ENOBUFS) }
            } else if socket.isReset {
                finishReceive(of: socket, -ECONNRESET)
            } else if socket.clientHasEnded {
                finishReceive(of: socket, 0)
            } else {
                return
            }
        }
    }

    private func drawReceiveFailure() -> Int32? {
        if happens(.interruption) { return random.element(of: [EINTR, EAGAIN]) }
        if happens(.receiveCancelled) { return ECANCELED }
        if happens(.receiveError) { return random.element(of: [ETIMEDOUT, EHOSTUNREACH]) }
        return nil
    }

    private func fill(_ receive: SimulatedSocket.Receive, _ socket: SimulatedSocket) {
        var count = min(socket.unread, buffers.size)
        if count > 1, happens(.shortReceive) { count = 1 + random.below(count - 1) }
        let buffer = buffers.fill(socket.said[socket.readCount..<socket.readCount + count])
        socket.readCount += count
        let isFull = isQueueFull
        if isFull && receive.isMultishot { tally.note(.fullQueueForReceive) }
        let isLast = !receive.isMultishot || isFull || happens(.endWithBytes)
        if isLast { socket.receive = nil }
        post(receive.token, Int32(count), isLast: isLast, buffer, of: socket.descriptor)
    }

    /// Ends a receive without bytes.
    func finishReceive(of socket: SimulatedSocket, _ result: Int32) {
        guard let receive = socket.receive else { return }
        socket.receive = nil
        if result == -ENOBUFS { tally.note(.outOfBuffers) }
        if result == -ECONNRESET { socket.hasFailed = true }
        let buffer = result == 0 && buffers.hasFree && happens(.bufferWithTheEnd) ? buffers.fill([]) : nil
        post(receive.token, result, isLast: true, buffer, of: socket.descriptor)
    }

    /// Cancelled, a receive ends at once or later, with what has come meanwhile or without.
    func cancelReceive(of socket: SimulatedSocket) -> Int32 {
        socket.receive?.isCancelled = true
        if happens(.bytesWhileCancelling) {
            speak(socket)
            receiveOn(socket)
            guard socket.receive != nil else { return -ENOENT }
        }
        if random.chance(rates[.cancelTooLate]) { return -EALREADY }
        finishReceive(of: socket, -ECANCELED)
        return 0
    }

    /// What is under way goes on.
    func progressReceive(of socket: SimulatedSocket) {
        guard socket.receive != nil else { return }
        receiveOn(socket)
        if socket.receive?.isCancelled == true && random.chance(500) { finishReceive(of: socket, -ECANCELED) }
    }
}

// The server's side of buffers.
extension SimulatedKernel {
    func openReceiveBuffers() -> Bool {
        if buffers.areOpen { return true }
        if happens(.noBuffers) {
            buffers.wereRefused = true
            return false
        }
        buffers.areOpen = true
        return true
    }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        guard let number = completion.buffer else { return nil }
        let bytes = buffers.bytes(number, count: max(0, Int(completion.result)))
        if bytes == nil { violate("buffer \(number) is used, and was returned") }
        return bytes
    }

    func returnBuffer(_ number: UInt16) {
        note("buffer \(number) is returned")
        if !buffers.give(number) { violate("buffer \(number) is returned, and is not the server's") }
        if sharesBuffers { buffers.arrived(number) } else { submitReturn(of: number) }
    }

    /// A receive completion of a socket is the server's from now on.
    func takenFromSocket(_ completion: Completion) {
        guard let socket = subjects[completion.token] else { return }
        if completion.token.kind == TokenKind.send.rawValue {
            socket.conduct?.noteSent(completion.result, at: now)
        } else if completion.result > 0 {
            socket.seenCount += Int(completion.result)
            socket.conduct?.noteSeen(at: now)
        } else if completion.result == 0 {
            socket.isEndSeen = true
        }
    }
}

// What clients say.
extension SimulatedKernel {
    /// A client says something, some of it perhaps later.
    func speak(_ socket: SimulatedSocket) {
        guard !socket.isReset, !socket.clientHasEnded else { return }
        if socket.toSay.isEmpty { socket.toSay = saying()[...] }
        socket.say(random.chance(500) ? socket.toSay.count : 1 + random.below(socket.toSay.count))
    }

    /// A few frames in one of the languages of this history, or noise.
    private func saying() -> [UInt8] {
        var bytes: [UInt8] = []
        let framing = random.element(of: languages) ?? .raw
        for _ in 0..<1 + random.below(3) {
            let length = random.chance(30) ? random.below(300) : random.below(12)
            let content = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            switch framing {
            case .raw: bytes += content + [7]
            case .line:
                bytes += content.filter { $0 != UInt8(ascii: "\n") }
                bytes += random.chance(500) ? [UInt8(ascii: "\n")] : [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
            case .lengthHeader(let header):
                let length = min(length, header.greatestLength)
                bytes += (0..<header.rawValue).reversed().map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
                bytes += content.prefix(length)
            }
        }
        return bytes
    }
}
