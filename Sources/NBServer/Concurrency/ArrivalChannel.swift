/// Accepted connections on their way from a server's thread to tasks, and what tasks want done about them on their way back.
///
/// ```
///  the server's thread                               tasks
///  newConnection ──▶ waiting ─────────────────────▶ next, nextBatch
///                      ├── high water: the listeners pause
///                      └── low water: they resume     ▲
///  serve ◀────────── wishes ◀────── close, reset, send, begin …, the rest of a batch
/// ```
///
/// The channel is a message itself: a task that has a wish puts it into the server's mailbox, unless it is there already. So a wish
/// costs no allocation. What happens to the server's counters is exact whenever its thread has served the channel.
///
/// Owned by the behavior and by whatever tasks have of it. Any thread.
final class ArrivalChannel: Message, AwaitedState, @unchecked Sendable {
    /// What a task wants done on the server's thread.
    enum Wish {
        /// Reset it, since it was not delivered.
        case discard(ConnectionID)
        case close(ConnectionID)
        case reset(ConnectionID)
        case send([UInt8], ConnectionID)
        /// Give it to a worker, which passes bytes on to a stream.
        case begin(ByteStream)
        /// The stream has something to do.
        case serve(ByteStream)
        /// Tell its peer's address.
        case tellPeer(ConnectionID, UnsafeContinuation<SocketAddress?, Never>)
    }

    struct State: WaitedFor {
        var waitList = WaitList()
        /// Connections that wait to be taken, from ``head`` on.
        var waiting = ConnectionList()
        var head = 0
        /// Memory of a batch that has ended.
        var spare = ConnectionList()
        var isPaused = false
        /// Nothing is delivered any more.
        var isOver = false

        var wishes: [Wish] = []
        /// The channel is in the mailbox.
        var isPosted = false
        /// The server has terminated: no wish is carried out any more.
        var hasEnded = false

        /// What the server has counted when its thread was here last.
        var counters = ServerCounters()
        /// How many were delivered since.
        var delivered: UInt64 = 0
        /// Delivered connections of which nothing was wanted.
        var dropped: UInt64 = 0
        /// How often a waiting task was resumed for a connection.
        var wakeUps: UInt64 = 0

        var count: Int { waiting.count - head }
    }

    let state = Lock(State())
    private let highWater: Int
    private let lowWater: Int
    /// Set once, before the server runs.
    nonisolated(unsafe) var mailbox: Mailbox?
    // What is served at the moment. Loop's thread only.
    private var served: [Wish] = []

    init(_ options: ArrivalOptions) {
        highWater = options.highWater
        lowWater = options.lowWater
        super.init(isForBehavior: false)
    }

    deinit {
        state.withLock { state in
            state.waiting.free()
            state.spare.free()
        }
    }

    override func deliver(
        to behavior: UnsafeMutableRawPointer,
        _ context: borrowing ServerContext
    ) throws -> Verdict? {
        serve(context)
        return nil
    }
}

// What tasks do.
extension ArrivalChannel {
    /// Takes the next connection; `nil` when there will be none, or the task is cancelled.
    nonisolated(nonsending) func next() async -> ConnectionID? {
        while true {
            let (id, isOver) = take()
            if let id { return id }
            if isOver { return nil }
            await wait(for: .arrival) { $0.count > 0 || $0.isOver }
        }
    }

    /// Takes all connections that wait, as soon as there are some, in memory that is given back by ``giveBack(_:taken:)``.
    nonisolated(nonsending) func nextBatch() async -> (ids: ConnectionList, head: Int)? {
        while true {
            let (batch, isOver) = takeAll()
            if let batch { return batch }
            if isOver { return nil }
            await wait(for: .arrival) { $0.count > 0 || $0.isOver }
        }
    }

    private func take() -> (id: ConnectionID?, isOver: Bool) {
        // One that was resumed, and has nothing to do with it, passes that on.
        if Task.isCancelled { return (nil, isOver: leave()) }
        var id: ConnectionID?
        let (isOver, posts) = state.withLock { state in
            guard state.count > 0 else { return (state.isOver, false) }
            id = state.waiting[state.head]
            state.head += 1
            state.delivered += 1
            if state.head == state.waiting.count {
                state.waiting.removeAll()
                state.head = 0
            }
            return (false, resumes(&state))
        }
        if posts { post() }
        return (id, isOver)
    }

    private func takeAll() -> (batch: (ids: ConnectionList, head: Int)?, isOver: Bool) {
        if Task.isCancelled { return (nil, isOver: leave()) }
        var batch: (ids: ConnectionList, head: Int)?
        let (isOver, posts) = state.withLock { state in
            guard state.count > 0 else { return (state.isOver, false) }
            batch = (state.waiting, state.head)
            (state.waiting, state.spare, state.head) = (state.spare, ConnectionList(), 0)
            return (false, resumes(&state))
        }
        if posts { post() }
        return (batch, isOver)
    }

    /// A cancelled task waits no more; returns true.
    private func leave() -> Bool {
        wakeConsumers()
        return true
    }

    /// Whether there is so little left that the listeners are to resume, and the channel is to be posted for that.
    private func resumes(_ state: inout State) -> Bool {
        guard state.isPaused, state.count <= lowWater, !state.isPosted, !state.hasEnded else { return false }
        state.isPosted = true
        return true
    }

    /// A batch has ended: those taken of it were delivered, the others are given back.
    func giveBack(_ batch: consuming (ids: ConnectionList, head: Int), taken end: Int) {
        var ids = batch.ids
        let posts = state.withLock { state in
            state.delivered += UInt64(end - batch.head)
            let rest = UInt64(ids.count - end)
            if state.hasEnded {
                state.counters.waiting -= rest
                state.counters.discardedByReason[.untaken] += rest
            } else {
                for position in end..<ids.count { state.wishes.append(.discard(ids[position])) }
            }
            ids.removeAll()
            if ids.capacity > state.spare.capacity { swap(&ids, &state.spare) }
            ids.free()
            guard rest > 0, !state.isPosted, !state.hasEnded else { return false }
            state.isPosted = true
            return true
        }
        if posts { post() }
    }

    /// Has something done on the server's thread; returns whether that is to happen, which it is not when the server has terminated.
    @discardableResult
    func wish(_ wish: Wish) -> Bool {
        let (isTaken, posts) = state.withLock { state in
            guard !state.hasEnded else { return (false, false) }
            state.wishes.append(wish)
            defer { state.isPosted = true }
            return (true, !state.isPosted)
        }
        if posts { post() }
        return isTaken
    }

    /// The owner of a delivered connection lets go of it, and has wanted nothing of it.
    func drop(_ id: ConnectionID) {
        state.withLock { $0.dropped += 1 }
        wish(.close(id))
    }

    /// Nothing is delivered from now on; connections that wait are given back.
    func finish() {
        let posts = state.withLock { state in
            state.isOver = true
            giveBackWaiting(&state)
            guard !state.isPosted, !state.hasEnded else { return false }
            state.isPosted = true
            return true
        }
        if posts { post() }
        resumeAll(for: .arrival)
    }

    private func giveBackWaiting(_ state: inout State) {
        for position in state.head..<state.waiting.count { state.wishes.append(.discard(state.waiting[position])) }
        state.waiting.removeAll()
        state.head = 0
    }

    /// A mailbox that refuses it is a stopping server's, which serves the channel once more when it terminates.
    private func post() {
        try? mailbox?.put(self)
    }

    /// What has been counted, to this moment.
    var counters: ServerCounters {
        state.withLock { state in
            var counters = state.counters
            counters.delivered += state.delivered
            counters.waiting -= state.delivered
            counters.open += state.delivered
            return counters
        }
    }

    var droppedCount: UInt64 { state.withLock { $0.dropped } }
    var wakeUps: UInt64 { state.withLock { $0.wakeUps } }
}

// What the server's thread does.
extension ArrivalChannel {
    /// A connection has been accepted: it waits, or is reset if nothing is delivered any more.
    func arrived(_ connection: consuming Connection, _ context: borrowing ServerContext) {
        let id = context.keep(connection)
        let loop = context.state
        // It was counted as delivered, which it is not yet.
        loop.pointee.counters.pointee.delivered -= 1
        loop.pointee.counters.pointee.waiting += 1
        loop.pointee.undeliveredCount += 1
        let (isOver, pauses, wakes) = state.withLock { state in
            settle(&state, loop)
            guard !state.isOver else { return (true, false, false) }
            state.waiting.append(id)
            let pauses = state.count >= highWater && !state.isPaused
            if pauses { state.isPaused = true }
            return (false, pauses, state.waitList.hasWaiters(for: .arrival))
        }
        if isOver { discard(id, context) }
        if pauses { context.pauseListeners() }
        // At the end of the turn: one wake-up for all connections of a batch.
        if wakes { loop.pointee.wakeConsumers(of: self) }
    }

    /// Lets the listeners rest if there are enough connections, whatever has let them accept again.
    func pauseAgain(_ context: borrowing ServerContext) {
        if state.withLock({ $0.isPaused }) { context.pauseListeners() }
    }

    /// Resumes as many tasks as there are connections for.
    func wakeConsumers() {
        var left = state.withLock { $0.count }
        while left > 0, let waiter = state.withLock({ $0.waitList.removeFirst(for: .arrival) }) {
            left -= 1
            state.withLock { $0.wakeUps += 1 }
            waiter.resume()
        }
    }

    /// Does what tasks want, and lets listeners accept again if there is room.
    func serve(_ context: borrowing ServerContext) {
        let loop = context.state
        let resumes = state.withLock { state in
            state.isPosted = false
            settle(&state, loop)
            swap(&served, &state.wishes)
            guard state.isPaused, state.count <= lowWater, !state.isOver else { return false }
            state.isPaused = false
            return true
        }
        for wish in served { perform(wish, context) }
        served.removeAll(keepingCapacity: true)
        state.withLock { settle(&$0, loop) }
        if resumes { context.resumeListeners() }
    }

    /// The server has stopped: what tasks want is done a last time, and connections that wait are reset.
    func terminate(_ context: borrowing ServerContext) {
        finish()
        serve(context)
        // What came meanwhile finds the connections where `serve` has left them.
        state.withLock { $0.hasEnded = true }
        serve(context)
    }

    private func settle(_ state: inout State, _ loop: UnsafeMutablePointer<LoopState>) {
        loop.pointee.counters.pointee.delivered += state.delivered
        loop.pointee.counters.pointee.waiting -= state.delivered
        loop.pointee.undeliveredCount -= Int(state.delivered)
        state.delivered = 0
        state.counters = loop.pointee.countersNow
    }

    private func discard(_ id: ConnectionID, _ context: borrowing ServerContext) {
        context.state.pointee.counters.pointee.waiting -= 1
        context.state.pointee.counters.pointee.discardedByReason[.untaken] += 1
        context.state.pointee.undeliveredCount -= 1
        if let connection = try? context.take(id) { connection.reset() }
    }

    private func perform(_ wish: Wish, _ context: borrowing ServerContext) {
        switch wish {
        case .discard(let id): discard(id, context)
        case .close(let id): if let connection = try? context.take(id) { connection.close() }
        case .reset(let id): if let connection = try? context.take(id) { connection.reset() }
        case .send(let bytes, let id): try? context.withConnection(id) { $0.send(bytes) }
        case .begin(let stream): stream.begin(context)
        case .serve(let stream): stream.serve(context)
        case .tellPeer(let id, let asker): asker.resume(returning: context.state.pointee.peerAddress(of: id))
        }
    }
}

extension LoopState {
    /// The address of an open connection's peer.
    fileprivate func peerAddress(of id: ConnectionID) -> SocketAddress? {
        guard let slot = connections.pointee.slot(id.slot), slot.pointee.number == id.number,
            slot.pointee.phase == .open
        else { return nil }
        return connections.pointee.rawPeerAddress(of: slot)?.unmapped
    }
}
