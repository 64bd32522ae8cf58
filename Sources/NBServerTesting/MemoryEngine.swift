internal import NBEngine
internal import NBServer

/// A loop's end of a ``MemoryKernel``. It never waits.
struct MemoryEngine: Engine, ~Copyable {
    let kernel: MemoryKernel
    let features: EngineFeatures

    init(_ kernel: MemoryKernel, quantum: Int) {
        self.kernel = kernel
        var features = EngineFeatures(.ring, kernel: [6, 1], quantum: quantum)
        features.acceptsMultishot = true
        features.receivesMultishot = true
        features.details = ["in memory"]
        self.features = features
    }

    var clock: () -> Instant { { [kernel] in kernel.now } }

    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        kernel.submit(operation, token, silently)
    }

    mutating func enter(until deadline: Instant?) {
        kernel.carryOut()
        if kernel.hasAlarmGoneOff { kernel.alarm = nil }
    }

    var hasUnsubmitted: Bool { kernel.hasSubmissions }
    var retryTime: Instant? { nil }
    var isPending: Bool { kernel.hasCompletions || kernel.hasAlarmGoneOff }

    mutating func openDescriptor(wokenBy event: Int32) -> Int32 { event }

    mutating func rest(until deadline: Instant?) {
        kernel.alarm = deadline
    }

    mutating func completedOwn(_ completion: Completion) {}

    mutating func close(_ descriptor: Int32) {
        kernel.close(descriptor)
    }

    mutating func forget(_ descriptor: Int32) {
        kernel.forget(descriptor)
    }

    mutating func abandon() -> [Int32] { [] }

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        kernel.take(&batch)
    }

    var hasCompletions: Bool { kernel.hasCompletions }

    mutating func openReceiveBuffers() -> Int32 { 0 }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? { kernel.received(completion) }

    mutating func returnBuffer(_ number: UInt16) {
        kernel.returnBuffer(number)
    }
}

/// The calls on sockets that a ``MemoryKernel`` answers.
struct MemoryCalls: SocketCalls {
    let kernel: MemoryKernel
    private var hasReserve = false

    init(_ kernel: MemoryKernel) {
        self.kernel = kernel
    }

    var listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket {
        { [kernel] (address, options) throws(ServerError) in
            for option in options { try option.expectValid() }
            guard let errno = kernel.takeFailure(of: .listen) else {
                let (descriptor, bound) = kernel.listen(on: address)
                return ListenSocket(descriptor, bound) { kernel.closeListener($0) }
            }
            throw ServerError.call("bind", errno, address: "\(address)")
        }
    }

    func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32 { kernel.sendLast(bytes, on: descriptor) }

    func discardInput(of descriptor: Int32, isPlainTCP: Bool) -> Int32 { kernel.discardInput(of: descriptor) }

    func finishOutput(of descriptor: Int32) {
        kernel.finishOutput(of: descriptor)
    }

    /// What the client's end has taken is sent.
    func hasUnsent(_ descriptor: Int32) -> Bool { false }

    func forgetLinger(of descriptor: Int32) {}

    func queueLength(of listener: Int32) -> Int { kernel.queueLength(of: listener) }

    func peerState(of descriptor: Int32) -> PeerState {
        var state = PeerState()
        guard let socket = kernel.socket(descriptor) else { return state }
        state.takenByteCount = UInt32(truncatingIfNeeded: socket.received.count)
        state.sinceLastAcknowledgment = socket.lastTaken.duration(to: kernel.now)
        state.hasUntakenBytes = socket.send != nil
        state.unreceivedByteCount = socket.unreadCount
        state.hasEnded = socket.clientHasEnded || socket.isReset
        return state
    }

    func peerAddress(of descriptor: Int32) -> IPAddress? {
        kernel.socket(descriptor)?.peerAddress?.ip
    }

    var standIn: ((Int32) -> (any StandInSocket)?)? { { [kernel] in kernel.socket($0) } }

    func adopt(_ socket: (any StandInSocket)?) {
        guard let socket = socket as? MemorySocket else {
            fatalError("a TestServer was given a connection of the kernel's: have detachedConnection(from:) make one")
        }
        kernel.adopt(socket)
    }

    func isPlainTCP(_ descriptor: Int32) -> Bool { true }

    mutating func takeReserve() -> Bool {
        hasReserve = true
        return true
    }

    mutating func giveReserve() -> Bool {
        defer { hasReserve = false }
        return hasReserve
    }
}
