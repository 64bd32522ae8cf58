import Glibc
import NBEngine

@testable import NBServer

// Arms and how they end.
extension SimulatedKernel {
    /// An accept is submitted; a kernel that is short of memory takes it later.
    func noteArm(of descriptor: Int32) {
        onArm?(Int(descriptor - Self.firstListener))
        guard let listener = self.listener(descriptor) else { return }
        if listener.isPaused { violate("\(descriptor) armed while it is to rest") }
        if listener.isRemoved { violate("\(descriptor) armed after it was removed") }
    }

    func arm(_ descriptor: Int32, _ token: Token, _ mode: NBEngine.Operation.AcceptMode) {
        guard let listener = listener(descriptor) else { return refuseAccept(on: descriptor, token) }
        let index = Int(descriptor - Self.firstListener)
        if listener.arm != nil || listener.isEndQueued { violate("\(descriptor) armed twice") }
        if listener.isDown { violate("\(descriptor) armed after it was said to be down") }
        if listener.isClosed { violate("\(descriptor) armed after it was closed") }
        listeners[index].seenFailure = nil
        listeners[index].arm = SimulatedListener.Arm(token: token, isMultishot: mode == .multishot)
        // The kernel sets a descriptor aside before it looks whether anybody waits.
        if freeDescriptors == 0 {
            tally.note(.outOfDescriptors)
            fail(index, EMFILE)
        } else if isStill, let errno = listener.failsForGood {
            fail(index, errno)
        } else {
            acceptWaiting(index)
        }
    }

    private func listener(_ descriptor: Int32) -> SimulatedListener? {
        let index = Int(descriptor - Self.firstListener)
        return listeners.indices.contains(index) ? listeners[index] : nil
    }

    /// What is accepted on is a connection, something else that is open, or nothing.
    private func refuseAccept(on descriptor: Int32, _ token: Token) {
        let index = Int(descriptor - Self.firstDescriptor)
        let errno =
            sockets.indices.contains(index) && sockets[index] != nil ? EINVAL : descriptor < 0 ? EBADF : ENOTSOCK
        post(token, -errno, of: Self.nobody)
    }

    /// Nobody can connect any more, and accepts fail.
    func shutDown(_ descriptor: Int32) {
        let index = Int(descriptor - Self.firstListener)
        listeners[index].failsForGood = EINVAL
        fail(index, EINVAL)
    }

    /// Accepts those who wait, as far as the arm goes.
    func acceptWaiting(_ index: Int) {
        while let arm = listeners[index].arm, listeners[index].backlog > 0 {
            if freeDescriptors == 0 { tally.note(.outOfDescriptors) }
            if let errno = freeDescriptors == 0 ? EMFILE : drawFailure(index) {
                fail(index, errno)
                return
            }
            let isFull = isQueueFull
            if isFull { tally.note(.fullCompletionQueue) }
            let isLast = !arm.isMultishot || isFull || happens(.endWithConnection)
            deliver(index, arm, isLast: isLast)
        }
    }

    /// Completes an accept with a connection.
    private func deliver(_ index: Int, _ arm: SimulatedListener.Arm, isLast: Bool) {
        if isLast {
            listeners[index].arm = nil
            listeners[index].isEndQueued = true
        }
        listeners[index].takeFirst()
        listeners[index].armsInVain = (0, 0)
        // The reserve may be taken back, and with it each listener has two tries more: one that gives the reserve up, and the next.
        for other in listeners.indices {
            listeners[other].armsInVain.other = max(0, listeners[other].armsInVain.other - 2)
        }
        postConnection(accept(of: index), arm.token, isLast: isLast, of: listeners[index].descriptor)
    }

    /// Ends an arm with an error, which may be a cancel of the server's own.
    private func fail(_ index: Int, _ errno: Int32, isOurs: Bool = false) {
        guard let arm = listeners[index].arm else { return }
        listeners[index].arm = nil
        listeners[index].isEndQueued = true
        if isOurs {
            listeners[index].armsInVain = (0, 0)
        } else if AcceptFailure(errno: errno) == .retry {
            listeners[index].armsInVain.passing += 1
        } else {
            listeners[index].armsInVain.other += 1
        }
        // A listener that begins to shed makes all of them try twice.
        let limits = (passing: ListenerState.retryLimit + 4, other: 2 + 2 * listeners.count)
        if listeners[index].armsInVain.passing > limits.passing || listeners[index].armsInVain.other > limits.other {
            violate("\(listeners[index].descriptor) is armed again and again in vain")
        }
        note("\(listeners[index].descriptor) fails: \(errno)")
        post(arm.token, -errno, of: listeners[index].descriptor)
    }

    /// Every row of the failure table, with the odds of this history.
    private func drawFailure(_ index: Int) -> Int32? {
        if let errno = listeners[index].failsForGood { return errno }
        if happens(.connectionError) {
            return random.element(of: [
                ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH,
                EAGAIN, EINTR,
            ])
        }
        if happens(.foreignCancellation) { return ECANCELED }
        if happens(.exhaustion) { return random.element(of: [EMFILE, ENFILE, ENOBUFS, ENOMEM]) }
        if happens(.refusal) { return random.element(of: [EPERM, EACCES]) }
        if happens(.unknownError) { return random.element(of: [EIO, ETIMEDOUT, 4095]) }
        if happens(.listenerShutDown) { listeners[index].failsForGood = EINVAL }
        if happens(.listenerLost) { listeners[index].failsForGood = random.element(of: [EBADF, ENOTSOCK]) }
        return listeners[index].failsForGood
    }

    /// Where clients come from.
    static let sources = (1...3).map { IPAddress(ipv4: 0x7f00_0000 + $0) }
    /// What clients are told that are refused.
    static let lastWord = Array("no".utf8)

    /// Makes a socket of a client that waited; there must be a descriptor left.
    private func accept(of listener: Int?) -> Int32 {
        guard let index = sockets.firstIndex(where: { $0 == nil }) else { preconditionFailure("no descriptor is left") }
        let descriptor = Self.firstDescriptor + Int32(index)
        let room = isStill ? 1 << 16 : random.chance(700) ? 1 << 20 : random.below(200)
        let socket = SimulatedSocket(descriptor: descriptor, listener: listener, room: room)
        sockets[index] = socket
        if !isStill {
            socket.clientReads = random.chance(900)
            if random.chance(200) { speak(socket) }
            if happens(.clientReset) { socket.isReset = true }
            socket.source = random.element(of: Self.sources) ?? socket.source
        }
        acceptedCount += 1
        tally.accepted += 1
        note("\(descriptor) accepted")
        return descriptor
    }

    /// A socket that came by no listener, for a still kernel's clients.
    func makeSocket() -> SimulatedSocket {
        let descriptor = accept(of: nil)
        guard let socket = socket(descriptor, "making") else { preconditionFailure("it was just made") }
        socket.isDelivered = true
        return socket
    }

    func cancelAccept(_ token: Token, on descriptor: Int32) -> Int32 {
        guard let index = listeners.firstIndex(where: { $0.arm?.token == token }) else { return -ENOENT }
        expectCancel(on: Self.firstListener + Int32(index), names: descriptor)
        for _ in 0..<random.below(3) where freeDescriptors > 0 && happens(.connectionsWhileCancelling) {
            if let arm = listeners[index].arm { deliver(index, arm, isLast: false) }
        }
        guard !random.chance(rates[.cancelTooLate]) else {
            listeners[index].arm?.isCancelled = true
            return -EALREADY
        }
        endCancelled(index)
        return 0
    }

    /// A cancelled accept ends, with a connection or without.
    func endCancelled(_ index: Int) {
        guard let arm = listeners[index].arm else { return }
        if freeDescriptors > 0, happens(.endWithConnection) {
            deliver(index, arm, isLast: true)
        } else {
            fail(index, ECANCELED, isOurs: true)
        }
    }

    func queueLength(of descriptor: Int32) -> Int {
        listeners[Int(descriptor - Self.firstListener)].backlog
    }

    /// The server has closed a listening socket.
    func closeListener(_ descriptor: Int32) {
        let index = Int(descriptor - Self.firstListener)
        note("listener \(descriptor) closed")
        if listeners[index].isClosed { violate("listener \(descriptor) closed twice") }
        if listeners[index].arm != nil && !isLost { violate("\(descriptor) closed while an accept is armed on it") }
        checkQueue(of: listeners[index])
        onClose?(index)
        listeners[index].isClosed = true
    }

    /// A server that drains serves who waits, unless somebody wants the listener gone or it cannot.
    private func checkQueue(of listener: SimulatedListener) {
        guard drain == .serve, !isStopping, !listener.isRemoved, listener.failsForGood == nil else { return }
        guard listener.backlog > 0, !listener.hasLateClient, listener.departure?.mayClose != true else { return }
        violate(
            "\(listener.descriptor) closed over \(listener.backlog) clients who waited when the server began to drain"
        )
    }

    /// Makes a listening socket, if nothing listens there.
    func listen(on address: SocketAddress) throws(ServerError) -> ListenSocket {
        guard !listeners.contains(where: { $0.address == address && !$0.isClosed }) else {
            throw .call("bind", EADDRINUSE, address: address.description)
        }
        if listeners.contains(where: { $0.address == address }) { tally.note(.usedAddressAgain) }
        let descriptor = Self.firstListener + Int32(listeners.count)
        listeners.append(SimulatedListener(descriptor: descriptor, address: address))
        note("\(descriptor) listens on \(address)")
        return listenSocket(listeners.count - 1)
    }

    /// What the server has of a listener.
    func listenSocket(_ index: Int) -> ListenSocket {
        ListenSocket(listeners[index].descriptor, listeners[index].address) { [self] in closeListener($0) }
    }

    /// Completions nobody waits for.
    func injectStaleCompletions() {
        // With the wake-up in flight, whose completion comes last, so that this one is taken.
        if !isStopping, wakeUp != nil, freeDescriptors > 0, let token = random.element(of: staleTokens.ofAccepts),
            happens(.staleAccept)
        {
            staleCount += 1
            postConnection(accept(of: nil), token, isLast: random.chance(500), of: Self.nobody)
        }
        if let token = random.element(of: staleTokens.ofConnections), happens(.staleConnection) {
            let hasBuffer =
                wakeUp != nil && token.kind == TokenKind.receive.rawValue && buffers.areOpen && buffers.hasFree
            let buffer = hasBuffer && random.chance(500) ? buffers.fill([]) : nil
            post(token, buffer == nil ? Int32(random.below(200)) - 100 : 0, buffer, of: Self.nobody)
        }
        if happens(.unknownToken) { post(Token(rawValue: .max), -ETIME, of: Self.nobody) }
    }
}
