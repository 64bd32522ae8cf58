/// The bytes of one connection, on their way between its ``StreamWorker`` and tasks.
///
/// ```
///  server's thread                                   tasks
///  arrived ──▶ received ────────────────────────────▶ receive
///                └── high water: the worker asks for nothing more; low water: it asks again
///  exchange ◀── outgoing ◀────────────────────────── send
///                └── more than the high water is left: send waits for room
///  end ──▶ the reason ──▶ what had arrived, then the error; send fails
/// ```
///
/// Owned by the tasks that have a part of it, and by the worker. Any thread, but for what says otherwise.
final class ByteStream: AwaitedState {
    /// How many bytes may wait for tasks before the worker asks for nothing more, and how many are left when it asks again.
    private static let highWater = 64 << 10
    private static let lowWater = 32 << 10
    /// How many bytes are handed to the connection at a time.
    private static let chunk = 64 << 10
    /// What an element that waits costs besides its bytes.
    private static let elementCost = 32

    struct State: WaitedFor {
        var waitList = WaitList()

        var received = Queue<[UInt8]>()
        /// How many bytes that is, and what the elements cost.
        var receivedCount = 0
        /// The worker asks for nothing more.
        var isResting = false
        var inputHasEnded = false
        var cutByteCount = 0

        var outgoing: [UInt8] = []
        /// More is queued at the connection than its high water.
        var isCongested = false
        /// The output is to end when everything is sent.
        var isFinished = false
        /// The body has returned.
        var isClosed = false
        var isReset = false
        /// The connection has been told so.
        var isReleased = false
        var timeLimit: TimeLimit?
        var end: CloseReason?
        /// The channel knows that there is something to do.
        var isDue = false

        /// What a task is thrown that wants something of a connection that has ended.
        var failure: ByteStreamError? {
            if let timeLimit { return .timedOut(timeLimit) }
            return end.map { .ended($0) }
        }
    }

    let state = Lock(State())
    private let id: ConnectionID
    private let channel: ArrivalChannel
    private let options: WorkerOptions

    // What is being handed to the connection, from a start on. Server's thread only.
    nonisolated(unsafe) private var leaving: [UInt8] = []
    nonisolated(unsafe) private var leavingStart = 0

    init(_ id: ConnectionID, _ channel: ArrivalChannel, _ options: WorkerOptions) {
        self.id = id
        self.channel = channel
        self.options = options
    }
}

// What tasks do.
extension ByteStream {
    /// What comes next, in its order; `nil` at the end of the input.
    nonisolated(nonsending) func receive() async throws -> [UInt8]? {
        while true {
            switch try take() {
            case .element(let element): return element
            case .end: return nil
            case .nothing: break
            }
            try Task.checkCancellation()
            await wait(for: .arrival) { !$0.received.isEmpty || $0.inputHasEnded || $0.isClosed || $0.failure != nil }
        }
    }

    private enum Taken {
        case element([UInt8])
        case end
        case nothing
    }

    /// Looks once, under the lock: the last bytes and the end may come right after one another.
    private func take() throws -> Taken {
        let (taken, isDue) = try state.withLock { state in
            guard let element = state.received.popFirst() else { return (try takeEnd(of: state), false) }
            state.receivedCount -= element.count + Self.elementCost
            return (Taken.element(element), state.isResting && state.receivedCount <= Self.lowWater && markDue(&state))
        }
        if isDue { channel.wish(.serve(self)) }
        return taken
    }

    private func takeEnd(of state: State) throws -> Taken {
        if state.inputHasEnded && state.cutByteCount > 0 {
            throw ByteStreamError.frameCut(byteCount: state.cutByteCount)
        }
        if state.inputHasEnded || state.isClosed { return .end }
        if let failure = state.failure { throw failure }
        return .nothing
    }

    /// Queues bytes, and waits until there is room for more.
    nonisolated(nonsending) func send(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        let isDue = try state.withLock { state in
            if let failure = state.failure { throw failure }
            if state.isFinished || state.isClosed || state.isReset { throw ByteStreamError.outputFinished }
            state.outgoing += bytes
            return markDue(&state)
        }
        if isDue { channel.wish(.serve(self)) }
        while true {
            let hasRoom = try state.withLock { state in
                if let failure = state.failure { throw failure }
                return isRoomy(state)
            }
            if hasRoom { return }
            try Task.checkCancellation()
            await wait(for: .room) { isRoomy($0) || $0.failure != nil }
        }
    }

    private func isRoomy(_ state: State) -> Bool {
        !state.isCongested && state.outgoing.count <= options.sendHighWater
    }

    func finish() {
        change { $0.isFinished = true }
    }

    func reset() {
        change { $0.isReset = true }
    }

    /// The body has returned: everything that is left is sent, and the connection closed. Returns when the server has that in hand.
    nonisolated(nonsending) func close() async {
        change { $0.isClosed = true }
        resumeAll(for: .arrival)
        // Not given up when the task is cancelled: the server is quick about it.
        await withUnsafeContinuation { (continuation: WaitList.Continuation) in
            let waits = state.withLock { state in
                guard !state.isReleased, state.end == nil else { return false }
                state.waitList.append(state.waitList.nextNumber(), for: .end, continuation)
                return true
            }
            if !waits { continuation.resume() }
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let isDue = state.withLock { state in
            body(&state)
            return markDue(&state)
        }
        if isDue { channel.wish(.serve(self)) }
    }

    /// Whether the channel is to be told that there is something to do.
    private func markDue(_ state: inout State) -> Bool {
        guard !state.isDue, state.end == nil else { return false }
        state.isDue = true
        return true
    }
}

// What the server's thread does.
extension ByteStream {
    /// Gives the connection to a worker that serves this stream.
    func begin(_ context: borrowing ServerContext) {
        guard let connection = try? context.take(id) else { return end(.stopped) }
        var options = options
        options.receiving = .continuous
        context.give(connection, to: StreamWorker(stream: self), options: options)
    }

    /// A task has something for the connection.
    func serve(_ context: borrowing ServerContext) {
        let state = context.state
        // One that is new is served when it is connected; one that has ended has been told, or will be.
        guard let slot = state.pointee.connections.pointee.worker(id), !slot.pointee.receiving.isNew else { return }
        exchange(with: WorkerConnection(WorkerPlace(state: state, slot: slot)))
    }

    /// Bytes have arrived; returns whether the worker is to ask for nothing more.
    func arrived(_ bytes: Span<UInt8>) -> Bool {
        let element = bytes.withUnsafeBufferPointer { Array($0) }
        let rests = state.withLock { state in
            state.received.append(element)
            state.receivedCount += element.count + Self.elementCost
            if state.receivedCount >= Self.highWater { state.isResting = true }
            return state.isResting
        }
        resumeAll(for: .arrival)
        return rests
    }

    /// The peer will send no more, or the server drains.
    func endInput(cutByteCount: Int) {
        state.withLock { state in
            state.inputHasEnded = true
            state.cutByteCount = cutByteCount
        }
        resumeAll(for: .arrival)
    }

    func timedOut(_ limit: TimeLimit) {
        state.withLock { $0.timeLimit = limit }
    }

    /// Does what tasks want: receives again, sends, and ends.
    func exchange(with connection: borrowing WorkerConnection<StreamWorker>) {
        let wanted = state.withLock { state in
            state.isDue = false
            let resumes = state.isResting && !state.inputHasEnded && state.receivedCount <= Self.lowWater
            if resumes { state.isResting = false }
            return (resumes: resumes, closes: state.isClosed, resets: state.isReset)
        }
        if wanted.resets { return connection.reset() }
        if wanted.closes { return close(connection) }
        if wanted.resumes { connection.receive(.continuous) }
        flush(to: connection)
    }

    /// Hands bytes to the connection as long as it has room.
    private func flush(to connection: borrowing WorkerConnection<StreamWorker>) {
        while connection.isWritable, takeOutgoing() {
            let end = min(leaving.count, leavingStart + Self.chunk)
            connection.send(leaving.span.extracting(leavingStart..<end))
            leavingStart = end
        }
        let isWritable = connection.isWritable
        let (hasRoom, finishes) = state.withLock { state in
            let isAllSent = leavingStart == leaving.count && state.outgoing.isEmpty
            state.isCongested = !isWritable && !(state.isFinished && isAllSent)
            return (isRoomy(state), state.isFinished && isAllSent)
        }
        if finishes { connection.finishOutput() }
        if hasRoom { resumeAll(for: .room) }
    }

    /// Takes what tasks have queued, if all that was taken before has been handed over; returns whether there is something.
    private func takeOutgoing() -> Bool {
        if leavingStart < leaving.count { return true }
        leaving.removeAll(keepingCapacity: true)
        leavingStart = 0
        state.withLock { swap(&$0.outgoing, &leaving) }
        return !leaving.isEmpty
    }

    /// Hands over everything that is left, whether or not there is room: the connection is about to end.
    private func sendRest(_ connections: UnsafeMutablePointer<ConnectionTable>, _ slot: ConnectionTable.Slot) {
        while takeOutgoing() {
            leaving.withUnsafeBytes {
                connections.pointee.send(UnsafeRawBufferPointer(rebasing: $0[leavingStart...]), on: slot)
            }
            leavingStart = leaving.count
        }
    }

    private func close(_ connection: borrowing WorkerConnection<StreamWorker>) {
        sendRest(connection.table, connection.slot)
        connection.close()
        state.withLock { $0.isReleased = true }
        resumeAll(for: .end)
    }

    /// The connection has ended.
    func end(_ reason: CloseReason, on connection: borrowing WorkerConnection<StreamWorker>) {
        // A server that stops sends what it was given, before it closes.
        let connections = connection.context.state.pointee.connections
        if case .stopped = reason, let slot = connections.pointee.slot(id.slot), slot.pointee.number == id.number,
            slot.pointee.phase == .open
        {
            sendRest(connections, slot)
        }
        end(reason)
    }

    private func end(_ reason: CloseReason) {
        state.withLock { state in
            state.end = reason
            state.outgoing = []
        }
        resumeAll(for: .arrival)
        resumeAll(for: .room)
        resumeAll(for: .end)
    }
}
