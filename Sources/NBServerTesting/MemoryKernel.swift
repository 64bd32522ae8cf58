internal import NBEngine
internal import NBServer
internal import Synchronization

/// A kernel in memory that does what a server submits at once, and nothing by itself: time stands still until it is advanced, and an
/// operation fails only if that was asked for.
///
/// Owned by the ``TestServer``, its engine, its calls and its clients; one thread at a time.
final class MemoryKernel {
    // `errno(3)` on Linux, whatever the processor.
    static let connectionReset: Int32 = 104
    private static let brokenPipe: Int32 = 32
    private static let noSuchOperation: Int32 = 2
    private static let badDescriptor: Int32 = 9
    private static let tryAgain: Int32 = 11
    private static let cancelled: Int32 = 125
    private static let noBuffers: Int32 = 105
    private static let notSupported: Int32 = 95

    /// Above every descriptor that a process may have, so that none of them is meant by mistake.
    private static let firstDescriptor: Int32 = 1 << 30
    /// Kernels share the numbers, because a socket may move from one to another.
    private static let lastDescriptor = Atomic<Int32>(firstDescriptor)
    /// The first of the ports that the kernel chooses.
    private static let firstPort: UInt16 = 49152

    private struct Submission {
        let operation: Operation
        let token: Token
        let isSilent: Bool
    }

    private struct Listener {
        let address: SocketAddress
        var backlog: [MemorySocket] = []
        var arm: (token: Token, isMultishot: Bool)?
    }

    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    /// When the server wants to be turned though nothing happens.
    var alarm: Instant?
    private var submissions: [Submission] = []
    private var completions: [Completion] = []
    private var listeners: [Int32: Listener] = [:]
    private var sockets: [Int32: MemorySocket] = [:]
    private var lastPort = firstPort
    /// Turns the server after a client has done something.
    var turn: () -> Void = {}
    private var reads: [Token] = []
    private var failures: [TestOperation: [Int32]] = [:]
    private let quantum: Int
    private let bufferSize: Int
    private let buffers: UnsafeMutableRawBufferPointer
    private var freeBuffers: [UInt16]

    init(quantum: Int, bufferCount: Int, bufferSize: Int) {
        self.quantum = quantum
        self.bufferSize = bufferSize
        buffers = .allocate(byteCount: bufferCount * bufferSize, alignment: 16)
        freeBuffers = (0..<bufferCount).reversed().map { UInt16($0) }
    }

    deinit {
        buffers.deallocate()
    }

    /// How many descriptors of connections the server has not closed.
    var openCount: Int { sockets.count }

    func advance(to instant: Instant) {
        now = max(now, instant)
    }

    /// The next operations of a kind fail.
    func fail(_ operation: TestOperation, with errno: Int32, times: Int) {
        failures[operation, default: []] += Array(repeating: errno, count: times)
    }

    /// The error of an operation, if it is to fail.
    func takeFailure(of operation: TestOperation) -> Int32? {
        guard let errno = failures[operation]?.first else { return nil }
        failures[operation]?.removeFirst()
        return errno
    }

    private func nextDescriptor() -> Int32 {
        Self.lastDescriptor.add(1, ordering: .relaxed).newValue
    }

    private func nextPort() -> UInt16 {
        defer { lastPort = lastPort == .max ? Self.firstPort : lastPort + 1 }
        return lastPort
    }
}

// What clients do.
extension MemoryKernel {
    /// A client of a listener; refused, if the listener is closed.
    func connect(to listener: Int32, from peer: SocketAddress?) -> MemorySocket {
        guard let address = listeners[listener]?.address else { return refused(from: peer) }
        let socket = makeSocket(to: address, from: peer)
        socket.kernel = self
        listeners[listener]?.backlog.append(socket)
        acceptWaiting(listener)
        return socket
    }

    /// A client of the listener on an address, or on every address with that port; refused, if there is none.
    func connect(to address: SocketAddress, from peer: SocketAddress?) -> MemorySocket {
        let same = listeners.first { $0.value.address == address }
        guard let listener = same ?? listeners.first(where: { $0.value.address.covers(address) }) else {
            return refused(from: peer)
        }
        return connect(to: listener.key, from: peer)
    }

    /// A connection that no server has.
    func makeDetached(from peer: SocketAddress?) -> MemorySocket {
        let socket = makeSocket(to: .ip(.loopback, port: nextPort()), from: peer)
        socket.isDetached = true
        return socket
    }

    private func refused(from peer: SocketAddress?) -> MemorySocket {
        let socket = makeSocket(to: .ip(.loopback, port: nextPort()), from: peer)
        socket.isReset = true
        return socket
    }

    private func makeSocket(to address: SocketAddress, from peer: SocketAddress?) -> MemorySocket {
        let own = address.reachable
        return MemorySocket(nextDescriptor(), from: peer ?? own.sibling(port: nextPort()), to: own, at: now)
    }

    /// What a client has done, or its server's end has lost, goes on as far as it can.
    func changed(_ socket: MemorySocket) {
        if socket.isReset, let send = socket.send {
            socket.send = nil
            post(send.token, send.sentCount > 0 ? Int32(send.sentCount) : -Self.connectionReset)
        }
        progress(socket)
    }
}

// What the engine is asked.
extension MemoryKernel {
    func submit(_ operation: Operation, _ token: Token, _ isSilent: Bool) {
        submissions.append(Submission(operation: operation, token: token, isSilent: isSilent))
    }

    var hasSubmissions: Bool { !submissions.isEmpty }
    var hasCompletions: Bool { !completions.isEmpty }
    var hasAlarmGoneOff: Bool { alarm.map { $0 <= now } ?? false }

    func carryOut() {
        let all = submissions
        submissions = []
        for submission in all { carryOut(submission) }
    }

    func take(_ batch: inout CompletionBatch) {
        let count = min(completions.count, batch.capacity - batch.count)
        for completion in completions.prefix(count) { batch.append(completion) }
        completions.removeFirst(count)
    }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        guard let buffer = completion.buffer else { return nil }
        let start = Int(buffer) * bufferSize
        return UnsafeRawBufferPointer(rebasing: buffers[start..<start + max(0, Int(completion.result))])
    }

    func returnBuffer(_ number: UInt16) {
        freeBuffers.append(number)
    }

    private func carryOut(_ submission: Submission) {
        let token = submission.token
        switch submission.operation {
        case .accept(let listener, let mode): arm(listener, token, mode == .multishot)
        case .send(let descriptor, let bytes): send(bytes, on: descriptor, token, submission.isSilent)
        case .sendAtOnce: post(token, -Self.notSupported)
        case .receive(let descriptor, let mode, _): receive(on: descriptor, token, mode == .multishot)
        case .discardInput(let descriptor), .discardByReading(let descriptor): discard(on: descriptor, token)
        case .read: reads.append(token)
        case .disconnect(let descriptor): finish(submission, disconnect(descriptor))
        case .close(let descriptor): finish(submission, close(descriptor))
        case .cancel(let other, let descriptor): finish(submission, cancel(other, on: descriptor))
        case .connect: post(token, -Self.notSupported)
        }
    }

    /// Ends an operation that is over at once; a success may stay without a word.
    private func finish(_ submission: Submission, _ result: Int32) {
        if result < 0 || !submission.isSilent { post(submission.token, result) }
    }

    private func post(_ token: Token, _ result: Int32, isLast: Bool = true) {
        completions.append(Completion(token: token, result: result, isLast: isLast))
    }
}

// Accepting.
extension MemoryKernel {
    /// The server looks itself whether it listens there already.
    func listen(on wanted: SocketAddress) -> (Int32, SocketAddress) {
        let address = wanted.port == 0 ? wanted.sibling(port: nextPort()) : wanted
        let descriptor = nextDescriptor()
        listeners[descriptor] = Listener(address: address)
        return (descriptor, address)
    }

    /// Clients that wait are reset.
    func closeListener(_ descriptor: Int32) {
        for socket in listeners[descriptor]?.backlog ?? [] { socket.isReset = true }
        listeners[descriptor] = nil
    }

    func queueLength(of descriptor: Int32) -> Int { listeners[descriptor]?.backlog.count ?? 0 }

    private func arm(_ descriptor: Int32, _ token: Token, _ isMultishot: Bool) {
        guard listeners[descriptor] != nil else { return post(token, -Self.badDescriptor) }
        listeners[descriptor]?.arm = (token, isMultishot)
        acceptWaiting(descriptor)
    }

    private func acceptWaiting(_ descriptor: Int32) {
        while let listener = listeners[descriptor], let arm = listener.arm, let socket = listener.backlog.first {
            if let errno = takeFailure(of: .accept) {
                listeners[descriptor]?.arm = nil
                return post(arm.token, -errno)
            }
            listeners[descriptor]?.backlog.removeFirst()
            let isLast = !arm.isMultishot || completions.count >= quantum
            if isLast { listeners[descriptor]?.arm = nil }
            sockets[socket.descriptor] = socket
            post(arm.token, socket.descriptor, isLast: isLast)
        }
    }
}

// Sending and receiving.
extension MemoryKernel {
    /// What has waited goes on as far as it can.
    private func progress(_ socket: MemorySocket) {
        if let send = socket.send { goOn(send, on: socket) }
        receiveOn(socket)
        if let token = socket.discard, let result = socket.takeInput() {
            socket.discard = nil
            post(token, result)
        }
    }

    private func send(_ bytes: Operation.Bytes, on descriptor: Int32, _ token: Token, _ isSilent: Bool) {
        guard let socket = sockets[descriptor] else { return post(token, -Self.badDescriptor) }
        let result = send(bytes, on: socket)
        if result == -Self.tryAgain || result >= 0 && result < bytes.count {
            socket.send = MemorySocket.Send(token: token, bytes: bytes, sentCount: max(0, Int(result)))
        } else if result < 0 || !isSilent {
            post(token, result)
        }
    }

    private func goOn(_ send: MemorySocket.Send, on socket: MemorySocket) {
        let taken = send.bytes.withUnsafeBytes {
            socket.take(UnsafeRawBufferPointer(rebasing: $0[send.sentCount...]), at: now)
        }
        socket.send?.sentCount += taken ?? 0
        guard send.sentCount + (taken ?? 0) == send.bytes.count else { return }
        socket.send = nil
        post(send.token, Int32(send.bytes.count))
    }

    /// Sends at once as many bytes as a socket takes; returns how many, or a negated error.
    private func send(_ bytes: Operation.Bytes, on socket: MemorySocket) -> Int32 {
        if let errno = takeFailure(of: .send) { return -errno }
        guard let count = bytes.withUnsafeBytes({ socket.take($0, at: now) }) else { return -Self.brokenPipe }
        return count > 0 || bytes.count == 0 ? Int32(count) : -Self.tryAgain
    }

    func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32 {
        guard let socket = sockets[descriptor] else { return -Self.badDescriptor }
        return send(bytes, on: socket)
    }

    private func receive(on descriptor: Int32, _ token: Token, _ isMultishot: Bool) {
        guard let socket = sockets[descriptor] else { return post(token, -Self.badDescriptor) }
        socket.receive = (token, isMultishot)
        receiveOn(socket)
    }

    private func receiveOn(_ socket: MemorySocket) {
        while let (token, isMultishot) = socket.receive {
            guard socket.unreadCount > 0 else {
                guard socket.isReset || socket.clientHasEnded else { return }
                socket.receive = nil
                return post(token, socket.isReset ? -Self.connectionReset : 0)
            }
            if let errno = takeFailure(of: .receive) ?? (freeBuffers.isEmpty ? Self.noBuffers : nil) {
                socket.receive = nil
                return post(token, -errno)
            }
            fill(socket, token, isLast: !isMultishot || completions.count >= quantum)
        }
    }

    private func fill(_ socket: MemorySocket, _ token: Token, isLast: Bool) {
        let buffer = freeBuffers.removeLast()
        let count = min(socket.unreadCount, bufferSize)
        let bytes = socket.said[socket.readCount..<socket.readCount + count]
        UnsafeMutableRawBufferPointer(rebasing: buffers[Int(buffer) * bufferSize..<(Int(buffer) + 1) * bufferSize])
            .copyBytes(from: bytes)
        socket.readCount += count
        if isLast { socket.receive = nil }
        completions.append(Completion(token: token, result: Int32(count), isLast: isLast, buffer: buffer))
    }

    private func discard(on descriptor: Int32, _ token: Token) {
        guard let socket = sockets[descriptor] else { return post(token, -Self.badDescriptor) }
        if let result = socket.takeInput() { post(token, result) } else { socket.discard = token }
    }

    func discardInput(of descriptor: Int32) -> Int32 {
        guard let socket = sockets[descriptor] else { return -Self.badDescriptor }
        return socket.takeInput() ?? -Self.tryAgain
    }
}

// Ending.
extension MemoryKernel {
    func finishOutput(of descriptor: Int32) {
        sockets[descriptor]?.hasFinishedOutput = true
    }

    func socket(_ descriptor: Int32) -> MemorySocket? { sockets[descriptor] }

    private func disconnect(_ descriptor: Int32) -> Int32 {
        guard let socket = sockets[descriptor] else { return -Self.badDescriptor }
        socket.reset()
        return 0
    }

    @discardableResult
    func close(_ descriptor: Int32) -> Int32 {
        guard let socket = sockets.removeValue(forKey: descriptor) else { return -Self.badDescriptor }
        socket.close()
        return 0
    }

    /// A connection leaves the server.
    func forget(_ descriptor: Int32) {
        guard let socket = sockets.removeValue(forKey: descriptor) else { return }
        socket.kernel = nil
        socket.isDetached = true
    }

    /// A connection from elsewhere is the server's from now on.
    func adopt(_ socket: MemorySocket) {
        socket.kernel = self
        socket.isDetached = false
        sockets[socket.descriptor] = socket
    }

    private func cancel(_ token: Token, on descriptor: Int32) -> Int32 {
        if listeners[descriptor]?.arm?.token == token {
            listeners[descriptor]?.arm = nil
            post(token, -Self.cancelled)
            return 0
        }
        if let index = reads.firstIndex(of: token) {
            reads.remove(at: index)
            post(token, -Self.cancelled)
            return 0
        }
        if let socket = sockets[descriptor], cancel(token, on: socket) { return 0 }
        return -Self.noSuchOperation
    }

    private func cancel(_ token: Token, on socket: MemorySocket) -> Bool {
        if let send = socket.send, send.token == token {
            socket.send = nil
            post(token, send.sentCount > 0 ? Int32(send.sentCount) : -Self.cancelled)
        } else if socket.discard == token {
            socket.discard = nil
            post(token, -Self.cancelled)
        } else if socket.receive?.token == token {
            socket.receive = nil
            post(token, -Self.cancelled)
        } else {
            return false
        }
        return true
    }
}
