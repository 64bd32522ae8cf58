internal import NBEngine

/// What callbacks may touch of a running loop.
///
/// Owned by the loop and kept at one address, to which connections and contexts point; none of it depends on the type of
/// the engine or of the behavior. Loop's thread only.
struct LoopState: ~Copyable {
    let connections: UnsafeMutablePointer<ConnectionTable>
    let counters: UnsafeMutablePointer<ServerCounters>
    let listeners: UnsafeMutablePointer<ListenerTable>
    let engine: EngineReport
    let options: ServerOptions
    let control: LoopControl
    /// What listeners get that are added without options of their own.
    let socketOptions: [SocketOption]
    /// The engine's time.
    let clock: () -> Instant
    /// Makes listeners.
    let listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket
    let behavior: BehaviorBox
    let startedAt: Instant

    var workers = WorkerRegistry()
    /// Connections from elsewhere, to be delivered when the present callback has returned.
    private var adopted = Queue<Adoption>()
    /// Messages of callbacks to workers, to be delivered when they have returned.
    private var workerMail: [WorkerMail] = []
    var timers = DeadlineHeap<TimerID>()
    private var lastTimer: UInt64 = 0
    /// Messages for the behavior wait, and so do timers and timeouts.
    var isSuspended = false
    var drain: Drain?
    /// What callbacks have brought about, to be told when they have returned.
    private var infos = Queue<ServerInfo>()
    /// The same for whoever observes the server; `nil` when nobody does.
    var events: [ServerEvent]?

    init(
        listeners: consuming ListenerTable,
        options: ServerOptions,
        closesWait: Bool,
        socketOptions: [SocketOption],
        engine: EngineReport,
        control: LoopControl,
        clock: @escaping () -> Instant,
        listen: @escaping (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket,
        behavior: BehaviorBox,
        isObserved: Bool
    ) {
        counters = .allocate(capacity: 1)
        counters.initialize(to: ServerCounters())
        self.listeners = .allocate(capacity: 1)
        self.listeners.initialize(to: listeners)
        connections = .allocate(capacity: 1)
        connections.initialize(
            to: ConnectionTable(
                server: control.server,
                closeTimeLimit: options.closeTimeLimit,
                wholeCloseTimeLimit: options.wholeCloseTimeLimit,
                closesWait: closesWait,
                counters: counters,
                ledger: behavior.ledger
            )
        )
        self.engine = engine
        self.options = options
        self.control = control
        self.socketOptions = socketOptions
        self.clock = clock
        self.listen = listen
        self.behavior = behavior
        startedAt = clock()
        connections.pointee.now = startedAt
        if isObserved { events = [] }
    }

    deinit {
        connections.letGo()
        counters.deallocate()
        listeners.deinitialize(count: 1)
        listeners.deallocate()
    }

    /// The addresses of the listeners that are not closed or about to be.
    var addresses: [SocketAddress] {
        (0..<listeners.pointee.count).filter { !listeners.pointee[$0].state.isClosing }
            .map { listeners.pointee[$0].socket.address }
    }

    /// Whether a listener may be added: not any more when the server is to stop.
    var acceptsListeners: Bool { drain == nil && behavior.ledger.end == nil }

    /// Tells everybody outside where the server listens.
    func publishAddresses() {
        let addresses = addresses
        control.addresses.withLock { $0 = addresses }
    }

    /// The address of the listener a connection came by, if that is there.
    func listenerAddress(of slot: ConnectionTable.Slot) -> SocketAddress? {
        guard let index = listeners.pointee.index(of: slot.pointee.listener) else { return nil }
        return listeners.pointee[index].socket.address
    }

    /// Has a connection from elsewhere delivered when the present callback has returned.
    mutating func adopt(_ adoption: Adoption) {
        adopted.append(adoption)
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

    /// Whether there is something to be told.
    var hasInfos: Bool { !infos.isEmpty }

    /// Takes what is to be told.
    mutating func takeInfo() -> ServerInfo? {
        infos.popFirst()
    }

    /// Notes something for whoever observes the server.
    mutating func note(_ event: @autoclosure () -> ServerEvent) {
        guard events != nil else { return }
        events?.append(event())
    }
}
