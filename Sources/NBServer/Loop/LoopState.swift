internal import NBEngine

/// The part of a running loop that callbacks may use.
///
/// Owned by the loop, at one address, to which connections and contexts point. Nothing in it depends on the type of the engine or of the
/// behavior. Loop's thread only.
struct LoopState: ~Copyable {
    let connections: UnsafeMutablePointer<ConnectionTable>
    let counters: UnsafeMutablePointer<ServerCounters>
    let listeners: UnsafeMutablePointer<ListenerTable>
    /// The loop's part of its servers' admission, if there is one.
    let desk: UnsafeMutablePointer<AdmissionDesk>?
    /// The present engine. It changes if the engine is made anew for a host that waits elsewhere.
    var engine: EngineReport
    let options: ServerOptions
    let control: LoopControl
    /// The engine's time.
    let clock: () -> Instant
    /// Makes listeners.
    let listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket
    /// Owned by the loop, which outlives the state. Unmanaged, so that a callback costs no retain.
    private let unmanagedBehavior: Unmanaged<BehaviorBox>
    let startedAt: Instant

    var workers = WorkerRegistry()
    /// The tasks that workers await.
    var runs = WorkerRuns()
    /// Adopted connections, to be delivered when the present callback has returned.
    private var adopted = Queue<Adoption>()
    /// Messages from callbacks to workers, to be delivered when the present callback has returned.
    private var workerMail: [WorkerMail] = []
    /// Where tasks wait for connections that have come in this turn.
    private var awaited: ArrivalChannel?
    /// How many connections the server keeps that tasks have not taken yet.
    var undeliveredCount = 0
    var timers = DeadlineHeap<TimerID>()
    private var lastTimer: UInt64 = 0
    /// Messages for the behavior wait, and so do timers and timeouts.
    var isSuspended = false
    var drain: Drain?
    /// When the behavior hears `.timeout`, if no callback runs before.
    fileprivate(set) var timeout: Instant?
    /// Why the loop stops. The first reason counts.
    fileprivate(set) var stopReason: StopReason?
    /// The error that the loop itself failed with, also while it was ending for another reason.
    fileprivate(set) var failure: ServerError?
    /// When a server that has stopped resets the connections that have not ended; `nil` while it serves.
    var endOfPatience: Instant?
    /// Infos that callbacks caused, to be reported when the present callback has returned.
    private var infos = Queue<ServerInfo>()
    /// Events for the observer; `nil` without an observer.
    var events: [ServerEvent]?

    init(
        _ engine: borrowing some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable,
        _ sockets: [ListenSocket],
        _ behavior: BehaviorBox,
        _ control: LoopControl,
        _ options: ServerOptions
    ) {
        counters = .allocate(capacity: 1)
        counters.initialize(to: ServerCounters())
        listeners = .allocate(capacity: 1)
        listeners.initialize(to: ListenerTable(sockets, quantum: engine.features.quantum))
        connections = .allocate(capacity: 1)
        connections.initialize(
            to: ConnectionTable(
                server: control.server,
                options: options,
                counters: counters,
                ledger: behavior.ledger,
                clock: engine.clock
            )
        )
        desk = options.admission.map { admission in
            let desk = UnsafeMutablePointer<AdmissionDesk>.allocate(capacity: 1)
            desk.initialize(to: AdmissionDesk(admission, control))
            return desk
        }
        self.engine = EngineReport(engine.features)
        self.options = options
        self.control = control
        clock = engine.clock
        listen = calls.listen
        unmanagedBehavior = .passUnretained(behavior)
        startedAt = clock()
    }

    deinit {
        behavior.mailbox.loop = nil
        connections.releaseTable()
        counters.deinitialize(count: 1)
        counters.deallocate()
        listeners.deinitialize(count: 1)
        listeners.deallocate()
        if let desk {
            desk.pointee.close()
            desk.deinitialize(count: 1)
            desk.deallocate()
        }
    }

    /// What was counted, with what is counted elsewhere.
    var countersNow: ServerCounters {
        var counters = counters.pointee
        // A batch that outlives the server keeps connections undelivered that have ended with it.
        counters.open = UInt64(max(0, connections.pointee.count - undeliveredCount))
        counters.refusedMessages = control.refusals
        return counters
    }

    /// How the loop has ended: why it stopped, or with what it failed.
    var result: Result<StopReason, ServerError> { failure.map { .failure($0) } ?? .success(reasonOfTheEnd) }

    /// Why the loop has stopped; it must have.
    var reasonOfTheEnd: StopReason {
        guard let stopReason else { preconditionFailure("the loop has no reason to stop") }
        return stopReason
    }

    /// The addresses of the listeners that are not closed or about to be.
    var addresses: [SocketAddress] {
        (0..<listeners.pointee.count).filter { !listeners.pointee[$0].state.isClosing }
            .map { listeners.pointee[$0].socket.address }
    }

    fileprivate func withBehavior<Result>(_ body: (BehaviorBox) throws -> Result) rethrows -> Result {
        try unmanagedBehavior._withUnsafeGuaranteedRef(body)
    }

    var behavior: BehaviorBox { unmanagedBehavior.takeUnretainedValue() }

    /// Whether a listener may be added: not any more when the server is to stop.
    var acceptsListeners: Bool { drain == nil && behavior.ledger.end == nil }

    /// Publishes the addresses for other threads.
    func publishAddresses() {
        let addresses = addresses
        control.addresses.withLock { $0 = addresses }
    }

    /// The address of the listener a connection came by, if that is there.
    func listenerAddress(of slot: ConnectionTable.Slot) -> SocketAddress? {
        guard let index = listeners.pointee.index(of: slot.pointee.listener) else { return nil }
        return listeners.pointee[index].socket.address
    }

    /// Has a connection from elsewhere delivered when the present callback has returned; returns whether it was still there to be taken.
    @discardableResult
    mutating func adopt(_ connection: DetachedConnection, _ assign: Adoption.Assignment?) -> Bool {
        guard let (descriptor, unread) = connection.take() else { return false }
        let own = DetachedConnection(descriptor, unread: unread, standIn: connection.standIn) {}
        adopted.append(Adoption(connection: own, assign: assign))
        return true
    }

    /// Takes a connection from elsewhere, to be delivered.
    mutating func takeAdopted() -> Adoption? {
        adopted.popFirst()
    }

    var hasAdopted: Bool { !adopted.isEmpty }

    /// Has a worker called when the present callback has returned.
    mutating func post(_ mail: WorkerMail) {
        workerMail.append(mail)
    }

    /// Takes what is to be delivered to workers, all of it.
    mutating func takeWorkerMail() -> [WorkerMail] {
        defer { workerMail = [] }
        return workerMail
    }

    var hasWorkerMail: Bool { !workerMail.isEmpty }

    /// Has tasks that wait for connections resumed at the end of the turn.
    mutating func wakeConsumers(of channel: ArrivalChannel) {
        if awaited == nil { awaited = channel }
    }

    /// Resumes tasks that wait for connections which came in this turn.
    @inline(__always)
    mutating func wakeConsumers() {
        if awaited != nil { wakeAwaited() }
    }

    @inline(never)
    private mutating func wakeAwaited() {
        awaited.take()?.wakeConsumers()
    }

    mutating func startTimer(after duration: Duration) -> TimerID {
        lastTimer += 1
        let timer = TimerID(server: control.server, number: lastTimer)
        timers.insert(timer, number: lastTimer, deadline: clock() + duration)
        return timer
    }

    /// Has the behavior told of something when the present callback has returned.
    mutating func tellLater(_ info: ServerInfo) {
        infos.append(info)
    }

    /// A drain is to begin, or the last connection has ended without a completion.
    var isDrainDue: Bool {
        guard let drain else { return false }
        return !drain.hasBegun || isDrained
    }

    /// Whether nothing is left that a drain waits for.
    var isDrained: Bool { listeners.pointee.openCount == 0 && connections.pointee.count == 0 }

    /// Whether there is something to be told.
    var hasInfos: Bool { !infos.isEmpty }

    /// Takes what is to be told.
    mutating func takeInfo() -> ServerInfo? {
        infos.popFirst()
    }

    /// Records an event for the observer.
    mutating func note(_ event: @autoclosure () -> ServerEvent) {
        guard events != nil else { return }
        events?.append(event())
    }
}

// What callbacks are told, what they answer, and what that means for the loop.
extension UnsafeMutablePointer<LoopState> {
    /// Tells the behavior something. A server that is stopping has no more to say.
    func tell(_ info: ServerInfo) {
        guard pointee.stopReason == nil else { return }
        pointee.note(.info(info))
        do {
            apply(try pointee.withBehavior { try $0.handleInfo(info, in: ServerContext(self)) })
        } catch {
            stop(.failed(error))
        }
    }

    /// Does what a callback has answered.
    @inline(__always)
    func apply(_ verdict: Verdict) {
        pointee.timeout = nil
        if let next = verdict.next { apply(next) }
    }

    @inline(never)
    private func apply(_ next: Verdict.Next) {
        var next: Verdict.Next? = next
        // Answers leave before the step that follows them.
        while case .handleContinue = next, pointee.stopReason == nil {
            pointee.withBehavior { $0.ledger.flush() }
            do {
                next = try pointee.withBehavior { try $0.handleContinue(ServerContext(self)).next }
            } catch {
                stop(.failed(error))
            }
        }
        switch next {
        case nil, .handleContinue: break
        case .serveWithin(let nanoseconds): pointee.timeout = pointee.clock().later(byNanoseconds: nanoseconds)
        case .stop(let words): stop(.verdict(words))
        }
    }

    /// There is a reason to stop. No message is handled any more; its sender is told why.
    func stop(_ reason: StopReason) {
        guard pointee.stopReason == nil else { return }
        pointee.stopReason = reason
        pointee.endOfPatience = pointee.connections.pointee.now + pointee.options.stopTimeLimit
        pointee.withBehavior { $0.closeMailbox(reason) }
    }

    /// The loop cannot go on.
    func fail(_ error: ServerError) {
        if pointee.failure == nil { pointee.failure = error }
        stop(.failed(error))
    }
}
