import Glibc
import NBEngine

@testable import NBServer

// Sending, reading, closing.
extension SimulatedKernel {
    func send(_ send: SimulatedSocket.Send, _ descriptor: Int32, _ silently: Bool) {
        guard let socket = socket(descriptor, "send") else { return post(send.token, -EBADF, of: descriptor) }
        if socket.send != nil { violate("two sends in flight on \(descriptor)") }
        let result = take(send.copy[...], socket)
        if result == -EAGAIN || result >= 0 && result < send.copy.count {
            socket.send = send
            socket.send?.sent = max(0, Int(result))
        } else if result < 0 || !silently {
            post(send.token, result, of: descriptor)
        }
        socket.holdsBytes = false
    }

    func sendAtOnce(_ bytes: [UInt8], _ descriptor: Int32, _ token: Token, _ silently: Bool) {
        guard let socket = socket(descriptor, "send") else { return post(token, -EBADF, of: descriptor) }
        if socket.send != nil { violate("two sends in flight on \(descriptor)") }
        let result = take(bytes[...], socket)
        socket.takenSilentlyCount = silently && result == bytes.count ? bytes.count : 0
        tally.note(result == bytes.count ? Deed.sentAtOnce : .sentTooLittleAtOnce)
        if socket.takenSilentlyCount > 0 {
            socket.conduct?.lastTakenAtOnce = now
        } else {
            post(token, result, of: descriptor)
        }
        socket.holdsBytes = false
    }

    /// The server's last bytes, which leave with the end of the stream.
    func sendLast(_ bytes: NBEngine.Operation.Bytes, on descriptor: Int32) -> Int32 {
        note("last bytes of \(descriptor): \(bytes.count)")
        guard let socket = socket(descriptor, "send") else { return -EBADF }
        if socket.hasInFlight { violate("last bytes of \(descriptor) with something in flight") }
        let copy = bytes.withUnsafeBytes { Array($0) }
        let result = take(copy[...], socket)
        socket.holdsBytes = result > 0
        return result
    }

    /// A socket takes what it has room for: how many bytes, or an error.
    private func take(_ bytes: ArraySlice<UInt8>, _ socket: SimulatedSocket) -> Int32 {
        // Who gives a connection back need not say that its output has ended.
        if socket.hasFinishedOutput && !socket.isAdopted {
            violate("send on \(socket.descriptor) after the end of its output")
        }
        if socket.isReset || socket.hasFinishedOutput {
            socket.hasFailed = true
            return -EPIPE
        }
        socket.isSendRefused = happens(.outOfMemory)
        guard !socket.isSendRefused else { return -(random.element(of: [ENOBUFS, ENOMEM]) ?? EIO) }
        if happens(.sendError) {
            socket.hasFailed = true
            return -(random.element(of: [ETIMEDOUT, EHOSTUNREACH, EINTR]) ?? EIO)
        }
        let count = min(happens(.shortSend) ? random.below(bytes.count) : bytes.count, socket.room)
        socket.take(bytes.prefix(count))
        return count > 0 ? Int32(count) : -EAGAIN
    }

    func discardInput(_ descriptor: Int32, _ token: Token) {
        guard let socket = socket(descriptor, "receive") else { return post(token, -EBADF, of: descriptor) }
        if socket.discard != nil || socket.receive != nil { violate("two receives in flight on \(descriptor)") }
        if happens(.outOfMemory) {
            post(token, -ENOMEM, of: descriptor)
        } else if happens(.interruption) {
            post(token, -EINTR, of: descriptor)
        } else if let result = socket.takeInput() {
            post(token, result, of: descriptor)
        } else {
            socket.discard = token
        }
    }

    /// The same at once, by a call.
    func discardInput(of descriptor: Int32) -> Int32 {
        guard let socket = socket(descriptor, "a look for unread input") else { return -EBADF }
        if socket.hasInFlight { violate("a look for unread input of \(descriptor) with something in flight") }
        socket.hasBeenHeardOut = socket.hasFinishedOutput
        socket.needsLook = false
        return happens(.outOfMemory) ? -ENOMEM : socket.takeInput() ?? -EAGAIN
    }

    /// The server looks at several sockets by one call, which may fail.
    func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool {
        tally.note(Deed.endedTogether)
        guard !happens(.outOfMemory) else { return false }
        for index in sockets.indices {
            guard let socket = socket(sockets[index].fd, "a look for unread input") else { return false }
            if socket.hasInFlight { violate("a look for input of \(socket.descriptor) with something in flight") }
            if !socket.hasFinishedOutput { violate("\(socket.descriptor) is looked at before its output has ended") }
            let hasEvent = socket.unread > 0 || socket.clientHasEnded || socket.isReset
            sockets[index].revents = hasEvent ? Int16(POLLIN) : 0
            if hasEvent { socket.needsLook = true } else { socket.hasBeenHeardOut = true }
        }
        return true
    }

    func hasUnsent(_ descriptor: Int32) -> Bool { socket(descriptor, "a look for what is unsent")?.hasUnsent ?? false }

    /// The server closes a socket by a call.
    func closeAtOnce(_ descriptor: Int32) {
        note("close \(descriptor) at once")
        noteClose(of: descriptor)
        if socket(descriptor, "close")?.needsLook == true {
            violate("\(descriptor) is closed over input that the server was told of")
        }
        if let socket = socket(descriptor, "close"), !socket.isReset {
            // The client may speak at any time, and that would reset a connection without an owner.
            if socket.hasUnsent && !socket.clientHasEnded {
                violate("\(descriptor) is closed before its last bytes are sent")
            }
            if !socket.clientHasEnded && happens(.speechIntoTheClose) { socket.said.append(0) }
        }
        close(descriptor)
    }

    func forget(_ descriptor: Int32) {
        guard let socket = socket(descriptor, "forget") else { return }
        if socket.hasInFlight { violate("\(descriptor) leaves with something in flight") }
        socket.isForgotten = true
    }

    func close(_ descriptor: Int32) {
        guard let socket = socket(descriptor, "close") else { return }
        sockets[Int(descriptor - Self.firstDescriptor)] = nil
        if socket.discard != nil || socket.receive != nil { violate("\(descriptor) closed with a receive in flight") }
        if socket.send != nil { violate("\(descriptor) closed with a send in flight") }
        if !socket.isDelivered { noteDiscard(socket) }
        let isTold = socket.received == Self.lastWord && socket.hasFinishedOutput
        if !socket.isDelivered && !socket.isReset && !isTold { violate("\(descriptor) discarded without a reset") }
        // Over unread input a close is a reset, which overtakes what has not left.
        if socket.unread > 0 && !socket.isReset {
            if socket.holdsBytes || !socket.hasFinishedOutput {
                violate("a reset overtakes the last bytes of \(descriptor)")
            }
            socket.isReset = true
        }
        noteFreedDescriptor()
    }

    /// The connection ends at once, from either side.
    func reset(_ socket: SimulatedSocket) {
        socket.isReset = true
        finishSend(of: socket, failing: -ECONNRESET)
        finishDiscard(of: socket, -ECONNRESET)
        receiveOn(socket)
    }

    private func finishSend(of socket: SimulatedSocket, failing errno: Int32) {
        guard let send = socket.send else { return }
        socket.send = nil
        let isUnchanged = send.bytes.withUnsafeBytes { $0.elementsEqual(send.copy) }
        if !isUnchanged { violate("bytes for \(socket.descriptor) were changed while they were being sent") }
        if send.sent == 0 { socket.hasFailed = true }
        post(send.token, send.sent > 0 ? Int32(send.sent) : errno, of: socket.descriptor)
    }

    private func finishDiscard(of socket: SimulatedSocket, _ result: Int32) {
        guard let token = socket.discard else { return }
        socket.discard = nil
        post(token, result, of: socket.descriptor)
    }

    func cancelOnSocket(_ token: Token, on descriptor: Int32) -> Int32 {
        for case let socket? in sockets where socket.send?.token == token || socket.discard == token {
            expectCancel(on: socket.descriptor, names: descriptor)
            if random.chance(rates[.cancelTooLate]) { return -EALREADY }
            if socket.send?.token == token {
                finishSend(of: socket, failing: -ECANCELED)
            } else {
                finishDiscard(of: socket, -ECANCELED)
            }
            return 0
        }
        for case let socket? in sockets where socket.receive?.token == token {
            expectCancel(on: socket.descriptor, names: descriptor)
            return cancelReceive(of: socket)
        }
        return -ENOENT
    }

    func peerState(of descriptor: Int32) -> PeerState {
        guard let socket = socket(descriptor, "a look at the peer") else { return PeerState() }
        let peer = socket.lookAtPeer(at: now)
        note("   \(descriptor) is looked at: \(peer.unreceivedByteCount) to receive, \(peer.takenByteCount) taken")
        return peer
    }

    /// The descriptor is its receiver's now.
    func handOutUnused(_ descriptor: Int32) {
        tally.note(.takenDescriptor)
        // There is nothing that the engine could forget.
        socket(descriptor, "taking")?.isForgotten = true
        handOut(descriptor)
    }

    func handOut(_ descriptor: Int32) {
        note("\(descriptor) handed out")
        guard let socket = socket(descriptor, "handing out") else { return }
        if socket.hasInFlight { violate("\(descriptor) handed out with something in flight") }
        if socket.isToEndOutput && !socket.hasFinishedOutput {
            violate("\(descriptor) handed out before its output ended")
        }
        if !socket.isForgotten { violate("\(socket.descriptor) is handed out, and the engine was not told") }
        socket.isHandedOut = true
    }

    /// Whoever had a descriptor has closed it.
    func closeHandedOut(_ socket: SimulatedSocket) {
        note("\(socket.descriptor) is closed outside")
        sockets[Int(socket.descriptor - Self.firstDescriptor)] = nil
        for index in listeners.indices { listeners[index].armsInVain = (0, 0) }
    }

    /// A descriptor that was handed out is the server's again.
    func takeBack(_ socket: SimulatedSocket) {
        note("\(socket.descriptor) comes back")
        socket.isHandedOut = false
        socket.isForgotten = false
        socket.isDelivered = false
        socket.isAdopted = true
        socket.isToEndOutput = false
    }

    /// What waits goes on as far as it can.
    func progress() {
        isWorkLeft = false
        for case let socket? in sockets {
            guard !happens(.workLeft) else {
                isWorkLeft = true
                continue
            }
            if let send = socket.send { goOn(send, on: socket) }
            progressReceive(of: socket)
            if socket.discard != nil {
                if happens(.interruption) {
                    finishDiscard(of: socket, -EINTR)
                } else if let result = socket.takeInput() {
                    finishDiscard(of: socket, result)
                }
            }
        }
        for index in listeners.indices {
            if listeners[index].arm?.isCancelled == true {
                if random.chance(500) { endCancelled(index) }
            } else {
                acceptWaiting(index)
            }
        }
    }

    private func goOn(_ send: SimulatedSocket.Send, on socket: SimulatedSocket) {
        let count = min(send.copy.count - send.sent, socket.room)
        socket.take(send.copy[send.sent..<send.sent + count])
        socket.send?.sent += count
        if send.sent + count == send.copy.count || happens(.shortSend) { finishSend(of: socket, failing: -EINTR) }
    }
}

// The world outside.
extension SimulatedKernel {
    /// A client, a neighbor or the clock does something.
    func worldStep() {
        if happens(.clockJump) { advance(to: now + .milliseconds(1 + random.below(10_000_000))) }
        if happens(.neighborTakesDescriptors) {
            neighbors = min(random.below(descriptorLimit), neighbors + freeDescriptors)
        }
        if random.chance(400) {
            let index = random.below(listeners.count)
            guard !listeners[index].isClosed else { return clientStep() }
            listeners[index].backlog += 1 + random.below(4)
            if drain != nil { listeners[index].hasLateClient = true }
            if listeners[index].arm?.isCancelled == false { acceptWaiting(index) }
            return
        }
        clientStep()
    }

    private func clientStep() {
        let start = random.below(sockets.count)
        let place = (start..<start + 6).first { sockets[$0 % sockets.count] != nil }
        guard let index = place.map({ $0 % sockets.count }), let socket = sockets[index] else { return }
        if socket.isHandedOut {
            // Whoever has it is done with it; nothing of the server's was freed.
            if !socket.isOnItsWay && random.chance(100) { sockets[index] = nil }
        } else if happens(.clientReset) {
            note("the client of \(socket.descriptor) resets")
            reset(socket)
        } else if socket.conduct != nil && random.chance(600) {
            speak(socket)
        } else if random.chance(400) {
            if socket.clientReads { socket.read(random.below(500), at: now) }
        } else if random.chance(500) {
            speak(socket)
        } else if socket.conduct == nil || random.chance(300) {
            socket.clientHasEnded = true
        }
    }
}
