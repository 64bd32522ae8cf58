import Glibc
import NBEngine

@testable import NBServer

/// The loop's end of a ``SimulatedKernel``.
struct SimulatedEngine: Engine, ~Copyable {
    let kernel: SimulatedKernel
    let features: EngineFeatures
    /// Called at every wait, with what was submitted carried out: the history's turn to look and to act.
    let onWait: (_ deadline: Instant?) throws(EngineError) -> Void
    /// Called when the loop is awake again.
    let onWake: () -> Void

    var clock: () -> Instant { { [kernel] in kernel.now } }

    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        kernel.submit(operation, token, silently)
    }

    mutating func sendAtOnce(_ bytes: NBEngine.Operation.Bytes, to descriptor: Int32, token: Token) -> Bool {
        kernel.submitSendAtOnce(bytes, descriptor, token)
    }

    mutating func enter(until deadline: Instant?) throws(EngineError) {
        kernel.carryOutSubmitted()
        if kernel.hasAlarmGoneOff { kernel.alarm = nil }
        try onWait(deadline)
        kernel.wait(until: .earlier(deadline, kernel.retryTime))
        onWake()
    }

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        kernel.take(&batch)
    }

    var hasCompletions: Bool { !kernel.hasNothingToTake }

    mutating func openReceiveBuffers() -> Int32 { kernel.openReceiveBuffers() ? 0 : ENOMEM }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? { kernel.received(completion) }

    mutating func returnBuffer(_ number: UInt16) { kernel.returnBuffer(number) }

    var hasUnsubmitted: Bool { kernel.hasSubmitted }

    var retryTime: Instant? { kernel.retryTime }

    var isPending: Bool { kernel.isPending || kernel.hasAlarmGoneOff }

    mutating func openDescriptor(wokenBy event: Int32) -> Int32 {
        kernel.polledDescriptor = event
        return event
    }

    mutating func rest(until deadline: Instant?) { kernel.rest(until: deadline) }

    mutating func completedOwn(_ completion: Completion) {}

    mutating func close(_ descriptor: Int32) { kernel.closeAtOnce(descriptor) }

    mutating func forget(_ descriptor: Int32) { kernel.forget(descriptor) }

    mutating func abandon() -> [Int32] { kernel.unsubmittedCloses }
}

/// The calls on sockets that a ``SimulatedKernel`` answers.
struct SimulatedCalls: SocketCalls {
    let kernel: SimulatedKernel

    var listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket {
        { [kernel] (address, _) throws(ServerError) in try kernel.listen(on: address) }
    }

    func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32 { kernel.sendLast(bytes, on: descriptor) }

    func discardInput(of descriptor: Int32, isPlainTCP: Bool) -> Int32 { kernel.discardInput(of: descriptor) }

    func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool { kernel.findInput(among: sockets) }

    func finishOutput(of descriptor: Int32) { kernel.finishOutput(of: descriptor) }

    func hasUnsent(_ descriptor: Int32) -> Bool { kernel.hasUnsent(descriptor) }

    func forgetLinger(of descriptor: Int32) {}

    func queueLength(of listener: Int32) -> Int { kernel.queueLength(of: listener) }

    func peerState(of descriptor: Int32) -> PeerState { kernel.peerState(of: descriptor) }

    func peerAddress(of descriptor: Int32) -> IPAddress? {
        kernel.socket(descriptor, "asking for its address").flatMap { $0.isReset ? nil : $0.source }
    }

    /// Of those that come from elsewhere, half are something else.
    func isPlainTCP(_ descriptor: Int32) -> Bool { descriptor.isMultiple(of: 2) }

    func takeReserve() -> Bool { kernel.takeReserve() }

    func giveReserve() -> Bool { kernel.giveReserve() }
}
