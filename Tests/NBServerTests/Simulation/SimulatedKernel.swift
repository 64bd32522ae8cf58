@preconcurrency import Glibc
import NBEngine

@testable import NBServer

/// A kernel that plays any history, drawn from a seed, with its clients and its neighbors.
///
/// What no server may do, it takes down in `violations`: using a descriptor that is not open, closing one twice, arming a
/// listener twice, changing bytes while they are being sent. It lives for one history; used by one thread.
///
/// ```
///  submit ─▶ carry out ─▶ wait: clients, neighbors, time ─▶ completion queue ─▶ take
/// ```
final class SimulatedKernel: @unchecked Sendable {
    private struct Submission {
        /// `nil` for the return of a buffer.
        let operation: Operation?
        let token: Token
        let silently: Bool
        /// What the bytes of a send were when it was submitted.
        let copy: [UInt8]
        var buffer: UInt16 = 0
    }

    static let firstDescriptor: Int32 = 100_000
    static let firstListener: Int32 = 90_000
    /// The subject of completions that are nobody's any more.
    static let nobody: Int32 = -2

    var random: Randomness
    let rates: FaultRates
    var tally = Tally()
    let features: EngineFeatures
    let submissionDepth: Int
    /// A success that was submitted silently has no completion.
    let completesSilently: Bool
    /// Operations are carried out when they are submitted, as by an engine that makes system calls.
    let carriesOutAtOnce: Bool
    /// The return of a buffer takes no operation.
    let sharesBuffers: Bool
    let descriptorLimit: Int

    /// The time, and the record of what happens.
    let chronicle: SimulatedChronicle
    /// In the record, before what happens here.
    private let name: String
    /// When time last passed, as far as this kernel knows.
    private var lastTime: Instant
    var listeners: [SimulatedListener]
    /// Accepted sockets, each at the place of its descriptor.
    var sockets: [SimulatedSocket?]
    /// Descriptors that others in the process have.
    var neighbors = 0
    private(set) var hasReserve = false
    /// How often there was no room for it.
    private(set) var refusedReserves = 0

    /// Accepted sockets that wait in the completion queue.
    private(set) var queuedConnections = 0
    var acceptedCount = 0
    /// Accepted for an arm that was over.
    var staleCount = 0

    private var queue: SimulatedCompletionQueue
    private var submitted: [Submission] = []
    /// How many operations were submitted so far.
    private(set) var submissionCount = 0
    /// How many completions the server has taken.
    private(set) var takenCount = 0
    /// Those that it has taken and not acted on yet, and on how many more it acts in this turn.
    private var taken: [(completion: Completion, subject: Int32)] = []
    private var budget = Int.max
    /// The read of the wake-up that waits, and of what.
    var wakeUp: Token?
    private(set) var wakeUpDescriptor: Int32 = -1
    private(set) var wakeUpMemory: NBEngine.Operation.Memory?
    /// Something that could complete was left for the next time that the kernel is entered.
    var isWorkLeft = false
    /// For a host that waits elsewhere: whether its descriptor is readable, and when it will be at the latest.
    var isSignaled = false
    var alarm: Instant?
    var polledDescriptor: Int32?
    /// When what the kernel had no memory for is submitted again.
    private(set) var retryTime: Instant?
    /// There was no memory for the last read of the wake-up.
    private(set) var isWakeUpRefused = false
    /// The server may have its listeners unarmed.
    private(set) var isStopping = false
    /// The server drains: what becomes of those who wait.
    private(set) var drain: QueuedClients?
    /// Connections that were discarded because their listener was to close.
    private(set) var closingCount = 0
    /// The ring has failed for good: what is open stays open, as far as the simulation can tell.
    private(set) var isLost = false
    /// The server is one that stops when descriptors or memory run out.
    var stopsAtExhaustion = false
    /// Called with the place of a listener on which an accept is submitted, or that the server closes.
    var onArm: ((Int) -> Void)?
    var onClose: ((Int) -> Void)?
    /// A descriptor was freed by what was submitted for the present wait.
    private(set) var hasFreedDescriptor = false

    var staleTokens = StaleTokens()
    let buffers: SimulatedBuffers
    /// What clients speak.
    var languages: [WorkerOptions.Framing] = []
    /// Whose sends and receives the tokens are.
    var subjects: [Token: SimulatedSocket] = [:]

    private(set) var violations: [String] = []
    /// Nothing happens by chance: no faults, and no clients or neighbors but those that a test plays.
    let isStill: Bool
    /// What a still kernel's world does when the engine next sleeps.
    var whileAsleep: (() -> Void)?
    /// For how many operations a still kernel has memory when it is next entered.
    var memory: Int?

    /// A kernel with a chronicle that others may share, or one of its own.
    init(
        seed: UInt64,
        in sharedChronicle: SimulatedChronicle? = nil,
        named name: String = "",
        tracing: SimulatedChronicle.Tracing = .off
    ) {
        isStill = false
        self.name = name
        random = Randomness(seed: seed)
        rates = FaultRates(&random)
        let depth = 1 << random.below(7)
        var features = EngineFeatures(.ring, kernel: [5, 11], quantum: depth)
        submissionDepth = 1 << random.below(7)
        features.acceptsMultishot = random.chance(800)
        completesSilently = random.chance(800)
        carriesOutAtOnce = random.chance(300)
        features.receivesMultishot = random.chance(700)
        features.sendsAtOnce = random.chance(700) && completesSilently
        sharesBuffers = random.chance(700)
        self.features = features
        buffers = SimulatedBuffers(count: 1 << random.below(4), size: 1 << random.below(7))
        queue = SimulatedCompletionQueue(depth: depth)
        descriptorLimit = random.chance(300) ? 2 + random.below(5) : 10 + random.below(30)
        let now = Instant(nanoseconds: UInt64(1_000_000_000 + random.below(1_000_000_000_000)))
        chronicle = sharedChronicle ?? SimulatedChronicle(now: now, tracing: tracing)
        lastTime = chronicle.now
        sockets = Array(repeating: nil, count: descriptorLimit)
        listeners = (0..<1 + random.below(3)).map {
            SimulatedListener(descriptor: Self.firstListener + Int32($0), address: Self.address($0))
        }
    }

    /// A kernel that is still, without listeners.
    init(quantum: Int, submissionDepth: Int, _ buffers: SimulatedBuffers) {
        isStill = true
        random = Randomness(seed: 0)
        rates = .none
        name = ""
        self.submissionDepth = submissionDepth
        var features = EngineFeatures(.ring, kernel: [5, 11], quantum: quantum)
        features.acceptsMultishot = true
        features.receivesMultishot = true
        self.features = features
        completesSilently = true
        carriesOutAtOnce = false
        sharesBuffers = true
        self.buffers = buffers
        queue = SimulatedCompletionQueue(depth: quantum)
        descriptorLimit = 256
        chronicle = SimulatedChronicle(now: Instant(nanoseconds: 1_000_000_000), tracing: .off)
        lastTime = chronicle.now
        sockets = Array(repeating: nil, count: descriptorLimit)
        listeners = []
    }

    /// One of the addresses there are to listen on.
    static func address(_ number: Int) -> SocketAddress {
        .ip(IPAddress(ipv4: 0x7f00_0001), port: UInt16(7000 + number))
    }

    /// Whether a fault happens now.
    func happens(_ fault: Fault) -> Bool {
        guard random.chance(rates[fault]) else { return false }
        tally.note(fault)
        return true
    }

    func violate(_ text: String) {
        violations.append(text)
        note("VIOLATION: \(text)")
    }

    func note(_ text: @autoclosure () -> String) {
        chronicle.note(name + text())
    }

    var now: Instant { chronicle.now }

    /// From now on listeners may be unarmed.
    func noteStop() {
        isStopping = true
        note("the server is to stop")
    }

    /// The ring may fail here.
    func loseRing() throws(EngineError) {
        guard happens(.lostRing) else { return }
        isLost = true
        noteStop()
        throw EngineError(operation: "io_uring_enter", errno: EBADFD, advice: "lost by the simulation")
    }

    /// The server is to drain.
    func noteDrain(_ queued: QueuedClients) {
        if drain == nil { drain = queued }
    }

    /// A connection is discarded: it may be that its listener is to close.
    func noteDiscard(_ socket: SimulatedSocket) {
        guard let listener = socket.listener else { return }
        // One that leaves with those of other loops delivers what it has accepted.
        let isRemoved = listeners[listener].isRemoved && listeners[listener].departure == nil
        if isRemoved || drain == .reset { closingCount += 1 }
    }

    var freeDescriptors: Int {
        descriptorLimit - sockets.count { $0 != nil } - neighbors - (hasReserve ? 1 : 0)
    }

    /// What the kernel still owes or is owed, for the end of a history.
    var leftovers: [String] {
        var leftovers: [String] = []
        for listener in listeners where listener.arm != nil { leftovers.append("\(listener.descriptor) is armed") }
        for listener in listeners where !listener.isClosed {
            leftovers.append("\(listener.descriptor) is open")
        }
        for case let socket? in sockets where !socket.isHandedOut { leftovers.append("\(socket.descriptor) is open") }
        if wakeUp != nil { leftovers.append("the wake-up is armed") }
        if buffers.areOpen && !buffers.areAllBack { leftovers.append("not all buffers are the kernel's") }
        if queuedConnections > 0 { leftovers.append("\(queuedConnections) connections wait in the queue") }
        return leftovers
    }
}

// The engine's side.
extension SimulatedKernel {
    func submit(_ operation: Operation, _ token: Token, _ silently: Bool) {
        makeRoom()
        var copy: [UInt8] = []
        switch operation {
        case .send(let descriptor, let bytes), .sendAtOnce(let descriptor, let bytes):
            copy = bytes.withUnsafeBytes { Array($0) }
            noteSend(on: descriptor, token)
            // Its completion would come too late to tell when it was sent.
            if case .sendAtOnce = operation { subjects[token]?.conduct?.noteSent(Int32(bytes.count), at: now) }
        default: break
        }
        if case .close(let descriptor) = operation { noteClose(of: descriptor) }
        if case .accept(let descriptor, _) = operation { noteArm(of: descriptor) }
        staleTokens.see(token)
        let isSilent = silently && completesSilently
        submissionCount += 1
        submitted.append(Submission(operation: operation, token: token, silently: isSilent, copy: copy))
        if carriesOutAtOnce { carryOut(first: submitted.count) }
    }

    /// Returns whether the bytes were all taken, if that is known already.
    func submitSendAtOnce(_ bytes: NBEngine.Operation.Bytes, _ descriptor: Int32, _ token: Token) -> Bool {
        submit(.sendAtOnce(descriptor: descriptor, bytes: bytes), token, true)
        guard carriesOutAtOnce, let socket = socket(descriptor, "send") else { return false }
        let isSent = socket.takenSilentlyCount == bytes.count
        if isSent { tally.note(.sentBeforeEntering) }
        return isSent
    }

    /// Everything submitted is the kernel's, or, when it is short of memory, the first few.
    func carryOutSubmitted() {
        let isCongested = submitted.isEmpty ? false : memory != nil || happens(.congestion)
        retryTime = isCongested ? now + .milliseconds(1) : nil
        carryOut(first: isCongested ? memory.take() ?? random.below(submitted.count) : submitted.count)
    }

    /// The kernel was short of memory when it was last entered, and has not taken everything.
    var isCongested: Bool { retryTime != nil }

    /// Lets others act and time pass until there is a completion, or without one.
    func wait(until deadline: Instant?) {
        hasFreedDescriptor = false
        if !isStill { for _ in 0..<random.below(4) { worldStep() } }
        if queue.isEmpty && !happens(.spuriousWakeUp) { sleep(until: deadline) }
        readWakeUp()
        progress()
        injectStaleCompletions()
    }

    private func sleep(until deadline: Instant?) {
        guard !isAboutToWake else { return }
        guard !isStill else { return sleepStill(until: deadline) }
        if let deadline, deadline <= now || random.chance(600) {
            advance(to: deadline)
            return
        }
        for _ in 0..<6 where queue.isEmpty { worldStep() }
    }

    /// What has happened since the kernel was last entered comes first, then what happens meanwhile; then time passes.
    private func sleepStill(until deadline: Instant?) {
        progress()
        guard queue.isEmpty, deadline.map({ $0 > now }) ?? true else { return }
        if let whileAsleep {
            self.whileAsleep = nil
            whileAsleep()
            progress()
        }
        if let deadline, queue.isEmpty, !isAboutToWake { advance(to: deadline) }
    }

    func advance(to instant: Instant) {
        guard instant > now else { return }
        chronicle.now = instant
        noteTime()
        note("time passes")
    }

    /// Time may have passed here, or where another loop is played.
    func noteTime() {
        guard now > lastTime else { return }
        lastTime = now
        for index in listeners.indices { listeners[index].armsInVain = (0, 0) }
    }

    var hasSubmitted: Bool { !submitted.isEmpty }

    /// The descriptors whose closing was submitted and not carried out.
    var unsubmittedCloses: [Int32] {
        submitted.compactMap { if case .close(let descriptor)? = $0.operation { descriptor } else { nil } }
    }

    /// Entering the kernel would bring completions, or there are some.
    var isPending: Bool { !queue.isEmpty || isWorkLeft }

    func take(_ batch: inout CompletionBatch) {
        let room = batch.capacity - batch.count
        let count = happens(.partialBatch) ? random.below(room + 1) : room
        queue.take(count) { completion, subject in
            batch.append(completion)
            takenCount += 1
            note("   taken: \(completion.words)")
            taken.append((completion, subject))
        }
        handOverTaken()
    }

    /// The server makes a turn in which it acts on so many completions at the most: first on what it has taken and not acted on.
    func beginTurn(budget: Int) {
        self.budget = budget
        handOverTaken()
    }

    /// The server has taken completions that it has not acted on.
    var hasTakenRest: Bool { !taken.isEmpty }

    private func handOverTaken() {
        let count = min(budget, taken.count)
        for (completion, subject) in taken.prefix(count) { handOver(completion, subject) }
        taken.removeFirst(count)
        budget -= count
    }

    /// The server acts on a completion in this turn, and at this time.
    private func handOver(_ completion: Completion, _ subject: Int32) {
        let kind = completion.token.kind
        if kind == TokenKind.receive.rawValue || kind == TokenKind.send.rawValue {
            if subject != Self.nobody { takenFromSocket(completion) }
        }
        guard completion.token.kind == TokenKind.accept.rawValue else { return }
        if completion.result >= 0 { queuedConnections -= 1 }
        let index = Int(subject - Self.firstListener)
        guard index >= 0, completion.isLast else { return }
        listeners[index].isEndQueued = false
        guard completion.result < 0 else { return }
        listeners[index].seenFailure = (-completion.result, now)
        let isToStop = listeners[index].isPaused || listeners[index].isRemoved
        if stopsAtExhaustion && listeners[index].wantsDescriptor && !isToStop { noteStop() }
    }

    func post(
        _ token: Token,
        _ result: Int32,
        isLast: Bool = true,
        _ buffer: UInt16? = nil,
        of subject: Int32
    ) {
        if queue.isFull { tally.note(.overflow) }
        let completion =
            if let buffer {
                Completion(token: token, result: result, isLast: isLast, buffer: buffer)
            } else {
                Completion(token: token, result: result, isLast: isLast)
            }
        queue.post(completion, of: subject)
        // The last read of the wake-up ends the loop, and comes last.
        guard token.kind != TokenKind.wakeUp.rawValue else { return }
        if random.chance(rates[.reordering]), queue.reorder(&random) { tally.note(.reordering) }
    }

    var isQueueFull: Bool { queue.isFull }
    var hasNothingToTake: Bool { queue.isEmpty }

    /// Posts an accepted socket.
    func postConnection(_ descriptor: Int32, _ token: Token, isLast: Bool, of subject: Int32) {
        queuedConnections += 1
        post(token, descriptor, isLast: isLast, of: subject)
    }

    func finishOutput(of descriptor: Int32) {
        note("end of output of \(descriptor)")
        guard let socket = socket(descriptor, "shutdown") else { return }
        if socket.send != nil { violate("output of \(descriptor) ended with a send in flight") }
        if socket.received.count < socket.sent.count && !socket.hasFailed && !socket.isReset {
            violate("the stream of \(descriptor) ended before its last bytes")
        }
        socket.hasFinishedOutput = true
        socket.holdsBytes = false
        // What is few, and all there ever was, leaves at once.
        socket.isBackedUp = socket.received.count > 512 && random.chance(500)
    }

    func takeReserve() -> Bool {
        if !hasReserve && freeDescriptors > 0 { hasReserve = true }
        if !hasReserve { refusedReserves += 1 }
        note(hasReserve ? "the reserve is there" : "there is no room for the reserve")
        return hasReserve
    }

    func giveReserve() -> Bool {
        note(hasReserve ? "the reserve is given up" : "there is no reserve")
        defer { hasReserve = false }
        return hasReserve
    }
}

// What is submitted.
extension SimulatedKernel {
    private func carryOut(first count: Int) {
        let submissions = submitted.prefix(count)
        submitted.removeFirst(count)
        for submission in submissions { carryOut(submission) }
    }

    /// The submission queue is full.
    private func makeRoom() {
        guard submitted.count == submissionDepth else { return }
        tally.note(.fullSubmissionQueue)
        carryOut(first: submitted.count)
    }

    private func carryOut(_ submission: Submission) {
        let (token, silently) = (submission.token, submission.silently)
        guard let operation = submission.operation else { return carryOutReturn(of: submission.buffer, silently) }
        note("submitted: \(operation.words)")
        switch operation {
        case .accept(let listener, let mode):
            arm(listener, token, mode)
        case .send(let descriptor, let bytes):
            checkUnchanged(bytes, since: submission, descriptor)
            send(
                SimulatedSocket.Send(token: token, bytes: bytes, copy: submission.copy, sent: 0),
                descriptor,
                silently
            )
        case .sendAtOnce(let descriptor, let bytes):
            checkUnchanged(bytes, since: submission, descriptor)
            sendAtOnce(submission.copy, descriptor, token, silently)
        case .discardInput(let descriptor), .discardByReading(let descriptor):
            discardInput(descriptor, token)
        case .connect(let descriptor, _):
            violate("a connect of \(descriptor) by a server")
        case .receive(let descriptor, let mode, _):
            receive(descriptor, mode, token)
        case .read(let descriptor, let memory, _):
            wakeUpDescriptor = descriptor
            wakeUpMemory = memory
            if wakeUp != nil { violate("two reads of the wake-up") }
            isWakeUpRefused = happens(.outOfMemory)
            if isWakeUpRefused { post(token, -ENOMEM, of: 0) } else { wakeUp = token }
        case .disconnect(let descriptor):
            if let socket = socket(descriptor, "disconnect") { reset(socket) }
            if !silently { post(token, 0, of: descriptor) }
        case .close(let descriptor):
            close(descriptor)
            if !silently { post(token, 0, of: descriptor) }
        case .cancel(let cancelled, let descriptor):
            let result = cancel(cancelled, on: descriptor)
            if !silently || result < 0 { post(token, result, of: -1) }
        }
    }

    private func checkUnchanged(_ bytes: NBEngine.Operation.Bytes, since submission: Submission, _ descriptor: Int32) {
        let isUnchanged = bytes.withUnsafeBytes { $0.elementsEqual(submission.copy) }
        if !isUnchanged { violate("bytes for \(descriptor) were changed before they were sent") }
    }

    /// Gives a buffer back by an operation.
    func submitReturn(of buffer: UInt16) {
        makeRoom()
        let isSilent = completesSilently
        submitted.append(
            Submission(operation: nil, token: .bufferReturn(buffer), silently: isSilent, copy: [], buffer: buffer)
        )
        if carriesOutAtOnce { carryOut(first: submitted.count) }
    }

    private func carryOutReturn(of buffer: UInt16, _ silently: Bool) {
        guard !happens(.outOfMemory) else {
            buffers.refuse(buffer)
            return post(.bufferReturn(buffer), -ENOMEM, of: -1)
        }
        buffers.arrived(buffer)
        if !silently { post(.bufferReturn(buffer), 0, of: -1) }
    }

    private func cancel(_ token: Token, on descriptor: Int32) -> Int32 {
        let result: Int32
        if token == wakeUp {
            expectCancel(on: wakeUpDescriptor, names: descriptor)
            wakeUp = nil
            post(token, -ECANCELED, of: 0)
            result = 0
        } else if token.kind == TokenKind.accept.rawValue {
            result = cancelAccept(token, on: descriptor)
        } else {
            result = cancelOnSocket(token, on: descriptor)
        }
        if result == -ENOENT { tally.note(.cancelInVain) }
        if result == -EALREADY { tally.note(.cancelTooLate) }
        return result
    }

    /// An engine may look for an operation on the descriptor that the cancel names, and nowhere else.
    func expectCancel(on descriptor: Int32, names named: Int32) {
        if named != descriptor { violate("a cancel of what is on \(descriptor) names \(named)") }
    }

    private func noteSend(on descriptor: Int32, _ token: Token) {
        let index = Int(descriptor - Self.firstDescriptor)
        if sockets.indices.contains(index) { subjects[token] = sockets[index] }
    }

    func noteClose(of descriptor: Int32) {
        let index = Int(descriptor - Self.firstDescriptor)
        if sockets.indices.contains(index) { sockets[index]?.isToBeClosed = true }
    }

    func noteFreedDescriptor() {
        hasFreedDescriptor = true
        for index in listeners.indices { listeners[index].armsInVain = (0, 0) }
    }

    func socket(_ descriptor: Int32, _ use: String) -> SimulatedSocket? {
        let index = Int(descriptor - Self.firstDescriptor)
        guard sockets.indices.contains(index), let socket = sockets[index], !socket.isHandedOut else {
            violate("\(use) of \(descriptor), which is not the server's")
            return nil
        }
        return socket
    }
}

extension Completion {
    /// For the trace.
    fileprivate var words: String {
        let kind = TokenKind(rawValue: token.kind).map { "\($0)" } ?? "unknown \(token.kind)"
        return "\(kind) of \(token.slot), life \(token.generation): \(result)\(isLast ? "" : ", more to come")"
    }
}

extension Operation {
    /// For the trace.
    fileprivate var words: String {
        switch self {
        case .accept(let listener, let mode): "accept on \(listener), \(mode)"
        case .connect(let descriptor, _): "connect \(descriptor)"
        case .send(let descriptor, let bytes): "send \(bytes.count) bytes on \(descriptor)"
        case .sendAtOnce(let descriptor, let bytes): "send \(bytes.count) bytes on \(descriptor) at once"
        case .discardInput(let descriptor), .discardByReading(let descriptor): "discard input of \(descriptor)"
        case .receive(let descriptor, let mode, _): "receive on \(descriptor), \(mode)"
        case .read: "read the wake-up"
        case .disconnect(let descriptor): "disconnect \(descriptor)"
        case .close(let descriptor): "close \(descriptor)"
        case .cancel(let token, _):
            "cancel \(TokenKind(rawValue: token.kind).map { "\($0)" } ?? "?") of \(token.slot), life \(token.generation)"
        }
    }
}
