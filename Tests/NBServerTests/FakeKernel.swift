import Glibc
import NBEngine

@testable import NBServer

/// Plays the kernel's part for a loop, after a script.
///
/// Every operation the loop submits is written down. Each wait of the loop runs the next step of the script, which looks
/// at what was submitted, asserts, and completes what it likes. After the last step the server is asked to stop, time runs
/// on, and what the kernel would answer at once is answered as by a kernel with silent clients; what waits, waits until it
/// is cancelled.
///
/// Descriptors are numbers no process has. Used by one thread.
final class FakeKernel: @unchecked Sendable {
    struct Submission {
        let operation: Operation
        let token: Token
        let silently: Bool
        /// What a send would have carried when it was submitted.
        let bytes: [UInt8]
        let time: Instant
    }

    /// A call on a connected socket that the loop makes itself.
    enum DirectCall: Hashable {
        case sendLast(Int32, [UInt8])
        case finishOutput(Int32)
        case findInput([Int32])
        case discardInput(Int32, isPlainTCP: Bool)
        case close(Int32)
    }

    typealias Step = (FakeKernel) throws -> Void

    var now = Instant(nanoseconds: 1_000_000_000)
    /// It is short of memory, and leaves what is submitted to the engine.
    var takesNothing = false
    /// The engine says of a send at once, when it is submitted, that all bytes were taken.
    var tellsOfSends = false
    /// How often the loop has read the clock.
    private(set) var clockReadings = 0
    /// What was submitted since the last step.
    private(set) var submitted: [Submission] = []
    /// Everything that was submitted and carried out; what no wait follows is not.
    private(set) var history: [Submission] = []
    /// The direct calls since the last step, and all of them.
    private(set) var calls: [DirectCall] = []
    private(set) var allCalls: [DirectCall] = []
    /// What sends of last bytes come to, one after the other; others take everything.
    var sendResults: [Int32: [Int32]] = [:]
    /// Descriptors whose last bytes the kernel has not sent yet.
    var unsent: Set<Int32> = []
    /// What looks for unread input come to, one after the other; others find nothing.
    var unheard: [Int32: [Int32]] = [:]
    /// A poll of several sockets fails.
    var pollFails = false
    /// What happens elsewhere while the loop makes a direct call.
    var onCall: (DirectCall) -> Void = { _ in }
    /// Descriptors that the engine was told to forget.
    private(set) var forgotten: [Int32] = []
    /// Descriptors whose close was kept from waiting.
    private(set) var forgottenLingers: [Int32] = []
    /// Descriptors whose low-water mark was reset.
    fileprivate(set) var forgottenLowWaters: [Int32] = []
    /// What is known of peers; of others, that they have taken nothing and said nothing.
    var peers: [Int32: PeerState] = [:]
    /// Descriptors whose peers have said something that was not received.
    var spoken: Set<Int32> = []
    /// How often peers were asked about.
    private(set) var looks: [Int32: Int] = [:]
    /// The addresses of peers, `nil` of one that has none any more; others have 127.0.0.1. And how often they were asked.
    var addresses: [Int32: IPAddress?] = [:]
    private(set) var askedAddresses: [Int32] = []
    /// Descriptors of sockets that are not plain TCP.
    var otherSockets: Set<Int32> = []
    /// Whether a descriptor is set aside.
    private(set) var hasReserve = false
    /// Whether one can be set aside.
    var hasRoomForReserve = true
    /// How many clients wait in accept queues.
    var queueLengths: [Int32: Int] = [:]
    /// The deadline of the present wait.
    private(set) var deadline: Instant?
    /// What a step threw; the script ends with it.
    private(set) var failure: (any Error)?

    private var steps: [Step]
    private var inQueue: [Submission] = []
    private var completions: [Completion] = []
    private var armed: [Int32: Token] = [:]
    /// What still owes a completion, but for accepts.
    private var outstanding: [Token: Operation] = [:]
    private var buffers: [UInt16: UnsafeMutableRawBufferPointer] = [:]
    private var lastBuffer: UInt16 = 0
    /// Buffers that were given back in vain, and those that were given back, in their order.
    private var refusedBuffers: Set<UInt16> = []
    private(set) var returns: [UInt16] = []
    /// What says whether there are buffers to receive into.
    private(set) var openings = 0
    private var waitsAfterScript = 0
    /// The ring fails from this wait on, and what was submitted for it is not carried out.
    var isLost = false
    /// Cancellations take effect in the wait that follows; without, only after the script.
    var cancelsAtOnce = true
    private var cancelled: [Token] = []
    private let onScriptEnd: () -> Void

    init(_ steps: [Step], onScriptEnd: @escaping () -> Void) {
        self.steps = steps
        self.onScriptEnd = onScriptEnd
    }

    /// Completes an operation.
    func complete(_ token: Token, _ result: Int32, isLast: Bool = true) {
        outstanding[token] = nil
        completions.append(Completion(token: token, result: result, isLast: isLast))
    }

    /// Completes the accept that is armed on a listener.
    func accept(_ descriptor: Int32, on listener: Int32, isLast: Bool = false) throws {
        complete(try accept(on: listener), descriptor, isLast: isLast)
        if isLast { armed[listener] = nil }
    }

    /// Fails the accept that is armed on a listener.
    func failAccept(_ errno: Int32, on listener: Int32) throws {
        complete(try accept(on: listener), -errno)
        armed[listener] = nil
    }

    /// The token of the accept that is armed on a listener.
    func accept(on listener: Int32) throws -> Token {
        guard let token = armed[listener] else { throw ScriptError("nothing is armed on \(listener)") }
        return token
    }

    func isArmed(_ listener: Int32) -> Bool { armed[listener] != nil }

    /// What the script waits for did not happen.
    struct ScriptError: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

// What was submitted since the last step, by kind.
extension FakeKernel {
    func sends(on descriptor: Int32) -> [Submission] {
        submitted.filter {
            switch $0.operation {
            case .send(descriptor, _), .sendAtOnce(descriptor, _): true
            default: false
            }
        }
    }

    func discards(on descriptor: Int32) -> [Submission] {
        submitted.filter {
            switch $0.operation {
            case .discardInput(descriptor), .discardByReading(descriptor): true
            default: false
            }
        }
    }

    func isClosed(_ descriptor: Int32) -> Bool {
        submitted.contains { $0.operation == .close(descriptor: descriptor) } || calls.contains(.close(descriptor))
    }

    func isReset(_ descriptor: Int32) -> Bool {
        submitted.contains { $0.operation == .disconnect(descriptor: descriptor) } && isClosed(descriptor)
    }

    /// How often a descriptor was closed, ever.
    func closes(of descriptor: Int32) -> Int {
        history.count { $0.operation == .close(descriptor: descriptor) }
            + allCalls.count { $0 == .close(descriptor) }
    }

    /// Descriptors whose output was ended, ever.
    var endedOutputs: [Int32] {
        allCalls.compactMap { if case .finishOutput(let descriptor) = $0 { descriptor } else { nil } }
    }

    /// What a connection's last bytes were, since the last step.
    func lastBytes(on descriptor: Int32) -> [[UInt8]] {
        calls.compactMap { if case .sendLast(descriptor, let bytes) = $0 { bytes } else { nil } }
    }

    /// What the loop reads in order to be woken.
    var wakeUpDescriptor: Int32? {
        for case .read(let descriptor, _, _) in history.map(\.operation) { return descriptor }
        return nil
    }

    /// The arms submitted since the last step, in their order.
    var arms: [Int32] {
        submitted.compactMap { if case .accept(let listener, _) = $0.operation { listener } else { nil } }
    }
}

// Receiving.
extension FakeKernel {
    /// Completes a receive with bytes, in a buffer of their own.
    func completeReceive(_ token: Token, _ bytes: [UInt8], isLast: Bool = true) {
        lastBuffer += 1
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
        memory.copyBytes(from: bytes)
        buffers[lastBuffer] = memory
        if isLast { outstanding[token] = nil }
        completions.append(Completion(token: token, result: Int32(bytes.count), isLast: isLast, buffer: lastBuffer))
    }

    func receives(on descriptor: Int32) -> [Submission] {
        submitted.filter { if case .receive(descriptor, _, _) = $0.operation { true } else { false } }
    }

    /// How many buffers are not given back.
    var buffersOut: Int { buffers.count }

    fileprivate func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        guard let buffer = completion.buffer, let memory = buffers[buffer] else { return nil }
        return UnsafeRawBufferPointer(start: memory.baseAddress, count: Int(completion.result))
    }

    /// Fails the return of a buffer that was given back.
    func refuseReturn(of number: UInt16) {
        refusedBuffers.insert(number)
        completions.append(Completion(token: .bufferReturn(number), result: -ENOMEM))
    }

    fileprivate func openReceiveBuffers() -> Bool {
        openings += 1
        return true
    }

    fileprivate func returnBuffer(_ number: UInt16) {
        returns.append(number)
        guard refusedBuffers.remove(number) == nil else { return }
        guard let memory = buffers.removeValue(forKey: number) else { preconditionFailure("given back twice") }
        // Nobody may look at it any more.
        for index in memory.indices { memory[index] = 0xdb }
        memory.deallocate()
    }
}

// The engine's side.
extension FakeKernel {
    fileprivate func submit(_ operation: Operation, _ token: Token, _ silently: Bool) {
        var bytes: [UInt8] = []
        switch operation {
        case .send(_, let memory), .sendAtOnce(_, let memory): bytes = memory.withUnsafeBytes { Array($0) }
        default: break
        }
        let submission = Submission(operation: operation, token: token, silently: silently, bytes: bytes, time: now)
        submitted.append(submission)
        inQueue.append(submission)
        switch operation {
        case .accept(let listener, _):
            precondition(armed[listener] == nil, "armed twice")
            armed[listener] = token
        case .cancel(let token, let descriptor):
            let wanted = outstanding[token]?.descriptor ?? armed.first { $0.value == token }?.key
            precondition(wanted ?? descriptor == descriptor, "a cancel names another descriptor than its operation")
            if cancelsAtOnce { cancel(token) } else { cancelled.append(token) }
        case .connect, .discardInput, .discardByReading, .read, .receive:
            outstanding[token] = operation
        case .send where !silently:
            outstanding[token] = operation
        case .send, .sendAtOnce, .close, .disconnect:
            break
        }
    }

    private func cancel(_ token: Token) {
        if outstanding[token] != nil { complete(token, -ECANCELED) }
        for (listener, accept) in armed where accept == token {
            armed[listener] = nil
            complete(token, -ECANCELED)
        }
    }

    /// Somebody calls `stop()`, which also wakes the server up.
    private func stopServer() {
        onScriptEnd()
        let wakeUp = Token(.wakeUp, slot: 0)
        if waitsAfterScript == 1, outstanding[wakeUp] != nil { complete(wakeUp, 8) }
    }

    private func answerWhatDoesNotWait() {
        cancelsAtOnce = true
        for token in cancelled { cancel(token) }
        cancelled = []
    }

    fileprivate func wait(until deadline: Instant?) {
        self.deadline = deadline
        let carriedOut = takesNothing ? [] : inQueue
        history += carriedOut
        if !takesNothing { inQueue = [] }
        guard !steps.isEmpty, failure == nil else {
            waitsAfterScript += 1
            precondition(waitsAfterScript < 1000, "the loop does not come to an end")
            stopServer()
            answerWhatDoesNotWait()
            if let deadline, completions.isEmpty { now = max(now, deadline) }
            return
        }
        let step = steps.removeFirst()
        do { try step(self) } catch { failure = error }
        if isLost { inQueue = carriedOut }
        submitted = []
        calls = []
    }

    fileprivate func take(_ batch: inout CompletionBatch) {
        let count = min(completions.count, batch.capacity - batch.count)
        for completion in completions.prefix(count) { batch.append(completion) }
        completions.removeFirst(count)
    }

    fileprivate var hasUnsubmitted: Bool { !inQueue.isEmpty }

    fileprivate var hasCompletions: Bool { !completions.isEmpty }

    fileprivate func forgetLinger(of descriptor: Int32) {
        forgottenLingers.append(descriptor)
    }

    fileprivate func forget(_ descriptor: Int32) {
        forgotten.append(descriptor)
    }

    fileprivate var unsubmittedCloses: [Int32] {
        inQueue.compactMap { if case .close(let descriptor) = $0.operation { descriptor } else { nil } }
    }

    fileprivate func takeReserve() -> Bool {
        hasReserve = hasReserve || hasRoomForReserve
        return hasReserve
    }

    fileprivate func giveReserve() -> Bool {
        defer { hasReserve = false }
        return hasReserve
    }

    fileprivate func readClock() -> Instant {
        clockReadings += 1
        return now
    }

    fileprivate func look(at descriptor: Int32) -> PeerState {
        looks[descriptor, default: 0] += 1
        return peers[descriptor] ?? PeerState()
    }

    fileprivate func askForAddress(of descriptor: Int32) -> IPAddress? {
        askedAddresses.append(descriptor)
        return addresses[descriptor] ?? IPAddress(ipv4: 0x7f00_0001)
    }

    fileprivate func call(_ call: DirectCall) {
        calls.append(call)
        allCalls.append(call)
        onCall(call)
    }

    fileprivate func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32 {
        call(.sendLast(descriptor, bytes.withUnsafeBytes { Array($0) }))
        return Self.takeFirst(of: &sendResults[descriptor, default: []]) ?? Int32(bytes.count)
    }

    fileprivate func discardInput(of descriptor: Int32, isPlainTCP: Bool) -> Int32 {
        call(.discardInput(descriptor, isPlainTCP: isPlainTCP))
        return Self.takeFirst(of: &unheard[descriptor, default: []]) ?? -EAGAIN
    }

    fileprivate func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool {
        call(.findInput(sockets.map(\.fd)))
        guard !pollFails else { return false }
        for index in sockets.indices {
            let result = unheard[sockets[index].fd]?.first ?? -EAGAIN
            sockets[index].revents = result == -EAGAIN ? 0 : Int16(POLLIN)
        }
        return true
    }

    private static func takeFirst(of results: inout [Int32]) -> Int32? {
        results.isEmpty ? nil : results.removeFirst()
    }
}

/// The loop's end of a ``FakeKernel``.
struct ScriptedEngine: Engine, ~Copyable {
    let kernel: FakeKernel
    let features: EngineFeatures

    var clock: () -> Instant { { [kernel] in kernel.readClock() } }

    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        kernel.submit(operation, token, silently)
    }

    mutating func sendAtOnce(_ bytes: NBEngine.Operation.Bytes, to descriptor: Int32, token: Token) -> Bool {
        submit(.sendAtOnce(descriptor: descriptor, bytes: bytes), token: token, silently: true)
        return kernel.tellsOfSends
    }

    mutating func enter(until deadline: Instant?) throws(EngineError) {
        kernel.wait(until: deadline)
        if kernel.isLost { throw EngineError(operation: "io_uring_enter", errno: EBADFD, advice: "lost by the script") }
    }

    var hasUnsubmitted: Bool { kernel.hasUnsubmitted }

    var retryTime: Instant? { kernel.takesNothing ? kernel.now + .milliseconds(1) : nil }

    var isPending: Bool { hasCompletions }

    mutating func openDescriptor(wokenBy event: Int32) -> Int32 { event }

    mutating func rest(until deadline: Instant?) {}

    mutating func completedOwn(_ completion: Completion) {}

    mutating func close(_ descriptor: Int32) { kernel.call(.close(descriptor)) }

    mutating func forget(_ descriptor: Int32) { kernel.forget(descriptor) }

    mutating func abandon() -> [Int32] { kernel.unsubmittedCloses }

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        kernel.take(&batch)
    }

    var hasCompletions: Bool { kernel.hasCompletions }

    mutating func openReceiveBuffers() -> Int32 { kernel.openReceiveBuffers() ? 0 : ENOMEM }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? { kernel.received(completion) }

    mutating func returnBuffer(_ number: UInt16) {
        kernel.returnBuffer(number)
    }
}

/// The calls on sockets that a ``FakeKernel`` answers.
struct ScriptedCalls: SocketCalls {
    let kernel: FakeKernel

    var listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket {
        { (address, options) throws(ServerError) in try ListenSocket(address, options: options) }
    }

    func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32 { kernel.sendLast(bytes, on: descriptor) }

    func discardInput(of descriptor: Int32, isPlainTCP: Bool) -> Int32 {
        kernel.discardInput(of: descriptor, isPlainTCP: isPlainTCP)
    }

    func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool { kernel.findInput(among: sockets) }

    func finishOutput(of descriptor: Int32) { kernel.call(.finishOutput(descriptor)) }

    func hasUnsent(_ descriptor: Int32) -> Bool { kernel.unsent.contains(descriptor) }

    func forgetLinger(of descriptor: Int32) { kernel.forgetLinger(of: descriptor) }

    func forgetLowWater(of descriptor: Int32) { kernel.forgottenLowWaters.append(descriptor) }

    func queueLength(of listener: Int32) -> Int { kernel.queueLengths[listener] ?? 0 }

    func hasInput(_ descriptor: Int32) -> Bool { kernel.spoken.contains(descriptor) }

    func peerState(of descriptor: Int32) -> PeerState { kernel.look(at: descriptor) }

    func peerAddress(of descriptor: Int32) -> IPAddress? { kernel.askForAddress(of: descriptor) }

    func isPlainTCP(_ descriptor: Int32) -> Bool { !kernel.otherSockets.contains(descriptor) }

    func takeReserve() -> Bool { kernel.takeReserve() }

    func giveReserve() -> Bool { kernel.giveReserve() }
}

extension Operation {
    /// The descriptor on which it is carried out.
    fileprivate var descriptor: Int32 {
        switch self {
        case .accept(let listener, _): listener
        case .connect(let descriptor, _), .send(let descriptor, _), .sendAtOnce(let descriptor, _): descriptor
        case .receive(let descriptor, _, _), .read(let descriptor, _, _), .cancel(_, let descriptor): descriptor
        case .discardInput(let descriptor), .discardByReading(let descriptor): descriptor
        case .disconnect(let descriptor), .close(let descriptor): descriptor
        }
    }
}
