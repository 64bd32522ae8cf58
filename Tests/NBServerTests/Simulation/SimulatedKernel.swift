import Glibc

@testable import NBServer
@testable import Uring

/// A kernel that plays any history, drawn from a seed: clients that come, speak, read, leave and reset; arms that end for
/// every reason; short sends; a completion queue that is full; spurious wake-ups; jumps of the clock.
///
/// It checks what no server may do: use a descriptor that is not open, close one twice, arm a listener twice, change bytes
/// while they are being sent. What it finds is in `violations`. Used by one thread.
final class SimulatedKernel {
    struct Faults {
        /// In a hundred accepts, how many fail although a client waits.
        var acceptFailures = 10
        /// In a hundred client steps, how many are a reset.
        var resets = 10
        /// In a hundred accepts that fail, how many fail for good.
        var shutdowns = 2
        /// How many descriptors there are.
        var descriptors = 40
    }

    var random: Randomness
    let faults: Faults
    let completionDepth: Int
    let completesSilently: Bool
    /// Whether to write down what happens, for people to read.
    let isTraced: Bool

    var now = Instant(nanoseconds: 1_000_000_000)
    private(set) var violations: [String] = []
    private(set) var trace: [String] = []
    private(set) var faultCounts: [String: Int] = [:]

    /// Every socket that was accepted, in this order.
    private(set) var accepted: [SimulatedSocket] = []
    private var open: [Int32: SimulatedSocket] = [:]
    private var handedOut: Set<Int32> = []
    private var backlog: [Int32: Int] = [:]
    private var armed: [Int32: (token: Token, isMultishot: Bool)] = [:]
    private var down: Set<Int32> = []
    private var isStopping = false
    private var lastDeadline: Instant?
    private var wakeUp: Token?
    private var wakeUps = 0
    private var submitted: [(operation: Operation, token: Token, silently: Bool, copy: [UInt8])] = []
    private var completions: [Completion] = []

    private static let firstDescriptor: Int32 = 100_000
    private static let acceptErrors = [
        ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EIO, ECANCELED,
    ]

    init(seed: UInt64, listeners: [Int32], completionDepth: Int, completesSilently: Bool, isTraced: Bool) {
        random = Randomness(seed: seed)
        faults = Faults()
        self.isTraced = isTraced
        self.completionDepth = completionDepth
        self.completesSilently = completesSilently
        for listener in listeners { backlog[listener] = 0 }
    }

    var openCount: Int { open.count }
    var isAnythingInFlight: Bool {
        !armed.isEmpty || wakeUp != nil || open.values.contains { $0.send != nil || $0.discard != nil }
    }

    private func violate(_ text: String) {
        violations.append(text)
        note("VIOLATION: \(text)")
    }

    private func note(_ text: @autoclosure () -> String) {
        if isTraced { trace.append(text()) }
    }

    private func count(_ fault: String) {
        faultCounts[fault, default: 0] += 1
    }

    /// Wakes the loop, as another thread does.
    func wake() {
        wakeUps += 1
    }

    /// From now on listeners may be unarmed.
    func noteStop() {
        isStopping = true
    }

    /// A time to wake up at that has come is another one the next time.
    private func checkThatTimeMoves(_ deadline: Instant?) {
        guard let deadline, deadline <= now, completions.isEmpty else { return }
        if deadline == lastDeadline { violate("the loop spins on a time that has passed") }
        lastDeadline = deadline
    }

    /// Every listener is armed, about to be looked at, down, or waits for a time that will come.
    private func checkThatNoneIsDeaf(_ deadline: Instant?) {
        guard !isStopping, deadline == nil, completions.isEmpty else { return }
        for listener in backlog.keys where armed[listener] == nil && !down.contains(listener) {
            violate("\(listener) is deaf")
        }
    }

    /// The descriptor is its receiver's now.
    func handOut(_ descriptor: Int32) {
        guard let socket = open.removeValue(forKey: descriptor) else {
            violate("\(descriptor) was handed out and is not open")
            return
        }
        if socket.send != nil { violate("\(descriptor) was handed out with a send in flight") }
        handedOut.insert(descriptor)
        note("\(descriptor) handed out")
    }
}

// The engine's side.
extension SimulatedKernel {
    func submit(_ operation: Operation, _ token: Token, _ silently: Bool) {
        var copy: [UInt8] = []
        if case .send(_, let bytes, _) = operation { copy = bytes.withUnsafeBytes { Array($0) } }
        submitted.append((operation, token, silently && completesSilently, copy))
    }

    func wait(until deadline: Instant?) {
        carryOutSubmitted()
        checkThatNoneIsDeaf(deadline)
        checkThatTimeMoves(deadline)
        for _ in 0..<random.below(4) { clientStep() }
        if completions.isEmpty, random.chance(90) {
            if let deadline, random.chance(60) {
                now = max(now, deadline)
                note("time passes")
            } else {
                for _ in 0..<6 where completions.isEmpty { clientStep() }
            }
        }
        if wakeUps > 0, let token = wakeUp {
            wakeUp = nil
            wakeUps = 0
            complete(token, 8)
        }
        progress()
    }

    func take(_ batch: inout CompletionBatch) {
        let limit = random.chance(80) ? batch.capacity : 1 + random.below(batch.capacity)
        let count = min(completions.count, limit, batch.capacity - batch.count)
        for completion in completions.prefix(count) { batch.append(completion) }
        completions.removeFirst(count)
    }

    func takeReserve() -> Bool { true }
    func giveReserve() -> Bool { false }

    func endOutput(of descriptor: Int32) {
        guard let socket = socket(descriptor, "shutdown") else { return }
        if socket.send != nil { violate("output of \(descriptor) ended with a send in flight") }
        socket.hasEndedOutput = true
    }

    private func carryOutSubmitted() {
        while !submitted.isEmpty {
            let next = submitted.removeFirst()
            note("\(next.operation)")
            carryOut(next.operation, next.token, next.silently, next.copy)
        }
    }

    private func carryOut(_ operation: Operation, _ token: Token, _ silently: Bool, _ copy: [UInt8]) {
        switch operation {
        case .accept(let listener, let mode):
            if armed[listener] != nil { violate("\(listener) armed twice") }
            armed[listener] = (token, mode == .multishot)
            acceptWaiting(on: listener)
        case .send(let descriptor, let bytes, let mode):
            send(descriptor, bytes, mode, token, silently, copy)
        case .discardInput(let descriptor, let mode):
            discardInput(descriptor, mode, token)
        case .read:
            wakeUp = token
        case .disconnect(let descriptor):
            if let socket = socket(descriptor, "disconnect") { reset(socket) }
            if !silently { complete(token, 0) }
        case .close(let descriptor):
            close(descriptor)
            if !silently { complete(token, 0) }
        case .cancel(let canceled):
            let found = cancel(canceled)
            if !silently || !found { complete(token, found ? 0 : -ENOENT) }
        }
    }

    fileprivate func complete(_ token: Token, _ result: Int32, isLast: Bool = true) {
        completions.append(Completion(token: token, result: result, isLast: isLast))
    }

    private func socket(_ descriptor: Int32, _ use: String) -> SimulatedSocket? {
        if open[descriptor] == nil { violate("\(use) of \(descriptor), which is not open") }
        return open[descriptor]
    }
}

// Accepting.
extension SimulatedKernel {
    private func acceptWaiting(on listener: Int32) {
        while let arm = armed[listener] {
            if open.count + handedOut.count >= faults.descriptors {
                end(listener, EMFILE)
                return
            }
            guard let waiting = backlog[listener], waiting > 0 else { return }
            if random.chance(faults.acceptFailures), let errno = Self.acceptErrors.randomElement(using: &random) {
                if random.chance(faults.shutdowns) { down.insert(listener) }
                end(listener, down.contains(listener) ? EINVAL : errno)
                return
            }
            backlog[listener] = waiting - 1
            let isLast = !arm.isMultishot || completions.count >= completionDepth || random.chance(5)
            if isLast { armed[listener] = nil }
            complete(arm.token, accept(), isLast: isLast)
        }
    }

    private func end(_ listener: Int32, _ errno: Int32) {
        guard let arm = armed.removeValue(forKey: listener) else { return }
        count("accept \(errno)")
        complete(arm.token, -errno)
    }

    private func accept() -> Int32 {
        var descriptor = Self.firstDescriptor
        while open[descriptor] != nil || handedOut.contains(descriptor) { descriptor += 1 }
        let socket = SimulatedSocket(room: random.chance(70) ? 1 << 20 : random.below(200))
        socket.clientReads = random.chance(90)
        if random.chance(20) { socket.unread = 1 + random.below(100) }
        if random.chance(10) { socket.isReset = true }
        accepted.append(socket)
        open[descriptor] = socket
        note("\(descriptor) accepted")
        return descriptor
    }
}

// Sending, reading, closing.
extension SimulatedKernel {
    private func send(
        _ descriptor: Int32,
        _ bytes: Operation.Bytes,
        _ mode: Operation.SendMode,
        _ token: Token,
        _ silently: Bool,
        _ copy: [UInt8]
    ) {
        guard let socket = socket(descriptor, "send") else { return complete(token, -EBADF) }
        if socket.send != nil { violate("two sends in flight on \(descriptor)") }
        if socket.hasEndedOutput { violate("send on \(descriptor) after the end of its output") }
        if socket.isReset { return complete(token, -EPIPE) }
        let taken = min(copy.count, socket.room)
        guard taken < copy.count, mode == .waiting else {
            take(copy[..<taken], into: socket)
            if taken < copy.count { count("short send") }
            if taken < copy.count || !silently { complete(token, taken > 0 ? Int32(taken) : -EAGAIN) }
            return
        }
        take(copy[..<taken], into: socket)
        socket.send = (token, bytes, copy, taken)
    }

    private func take(_ bytes: ArraySlice<UInt8>, into socket: SimulatedSocket) {
        socket.received += bytes
        socket.room -= bytes.count
    }

    private func discardInput(_ descriptor: Int32, _ mode: Operation.DiscardMode, _ token: Token) {
        guard let socket = socket(descriptor, "receive") else { return complete(token, -EBADF) }
        if socket.discard != nil { violate("two receives in flight on \(descriptor)") }
        if let result = input(of: socket) {
            complete(token, result)
        } else if mode == .immediate {
            complete(token, -EAGAIN)
        } else {
            socket.discard = token
        }
    }

    /// What a receive would return now, or `nil` if it waits.
    private func input(of socket: SimulatedSocket) -> Int32? {
        if socket.unread > 0 {
            defer { socket.unread = 0 }
            return Int32(socket.unread)
        }
        if socket.isReset { return -ECONNRESET }
        return socket.clientHasEnded ? 0 : nil
    }

    private func close(_ descriptor: Int32) {
        guard let socket = open.removeValue(forKey: descriptor) else {
            violate("close of \(descriptor), which is not open")
            return
        }
        socket.isOpen = false
        if socket.discard != nil { violate("\(descriptor) closed with a receive in flight") }
        // Over unread input a close is a reset.
        if socket.unread > 0 { socket.isReset = true }
    }

    private func reset(_ socket: SimulatedSocket) {
        socket.isReset = true
        finishSend(of: socket, failing: -ECONNRESET)
        if let token = socket.discard {
            socket.discard = nil
            complete(token, -ECONNRESET)
        }
    }

    private func finishSend(of socket: SimulatedSocket, failing errno: Int32) {
        guard let send = socket.send else { return }
        socket.send = nil
        checkUnchanged(send.bytes, send.copy)
        complete(send.token, send.sent > 0 ? Int32(send.sent) : errno)
    }

    private func checkUnchanged(_ bytes: Operation.Bytes, _ copy: [UInt8]) {
        let isSame = bytes.withUnsafeBytes { $0.elementsEqual(copy) }
        if !isSame { violate("bytes were changed while they were being sent") }
    }

    private func cancel(_ token: Token) -> Bool {
        if wakeUp == token {
            wakeUp = nil
            complete(token, -ECANCELED)
            return true
        }
        for (listener, arm) in armed where arm.token == token {
            // It may end with a connection instead.
            if random.chance(30), backlog[listener, default: 0] > 0, open.count < faults.descriptors {
                backlog[listener, default: 1] -= 1
                complete(token, accept(), isLast: false)
            }
            armed[listener] = nil
            complete(token, -ECANCELED)
            return true
        }
        for socket in accepted {
            if socket.send?.token == token {
                finishSend(of: socket, failing: -ECANCELED)
                return true
            }
            if socket.discard == token {
                socket.discard = nil
                complete(token, -ECANCELED)
                return true
            }
        }
        return false
    }
}

// The world outside.
extension SimulatedKernel {
    /// Some client does something.
    private func clientStep() {
        if random.chance(40), let listener = backlog.keys.sorted().randomElement(using: &random) {
            backlog[listener, default: 0] += 1 + random.below(4)
            acceptWaiting(on: listener)
            return
        }
        guard let descriptor = open.keys.sorted().randomElement(using: &random), let socket = open[descriptor] else {
            return
        }
        if random.chance(faults.resets) {
            count("client reset")
            reset(socket)
        } else if random.chance(40) {
            if socket.clientReads { socket.room += random.below(500) }
        } else if random.chance(50) {
            if !socket.isReset && !socket.clientHasEnded { socket.unread += 1 + random.below(50) }
        } else {
            socket.clientHasEnded = true
        }
        if random.chance(5), let taken = handedOut.first { handedOut.remove(taken) }
    }

    /// What waits goes on as far as it can.
    private func progress() {
        for socket in accepted {
            if var send = socket.send {
                let count = min(send.copy.count - send.sent, socket.room)
                take(send.copy[send.sent..<send.sent + count], into: socket)
                send.sent += count
                socket.send = send
                if send.sent == send.copy.count { finishSend(of: socket, failing: 0) }
            }
            if let token = socket.discard, let result = input(of: socket) {
                socket.discard = nil
                complete(token, result)
            }
        }
        for listener in backlog.keys.sorted() where armed[listener] != nil { acceptWaiting(on: listener) }
    }
}

/// The loop's end of a ``SimulatedKernel``.
struct SimulatedEngine: Engine, ~Copyable {
    let kernel: SimulatedKernel
    let features: RingFeatures
    /// Called at every wait: the test's turn to look and to act.
    let onWait: () throws -> Void

    var now: Instant { kernel.now }

    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        kernel.submit(operation, token, silently)
    }

    mutating func wait(until deadline: Instant?) throws(RingError) {
        do { try onWait() } catch { throw RingError(operation: "simulation", errno: 0, advice: "\(error)") }
        kernel.wait(until: deadline)
    }

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        kernel.take(&batch)
    }

    mutating func endOutput(of descriptor: Int32) {
        kernel.endOutput(of: descriptor)
    }

    mutating func takeReserve() -> Bool { kernel.takeReserve() }

    mutating func giveReserve() -> Bool { kernel.giveReserve() }

    mutating func forgetLinger(of descriptor: Int32) {}
}
