internal import NBEngine

/// What happens in a turn besides completions: messages are handled, timers and signals told, and what callbacks have brought about.
///
/// Most turns have none of it: each kind is looked for in the turn itself, and what is done about it is out of line.
///
/// Part of the loop; loop's thread only.
struct Mail {
    /// How many messages are handled before it is the completions' turn again.
    static let quantum = 256

    private let state: UnsafeMutablePointer<LoopState>
    private var connections: UnsafeMutablePointer<ConnectionTable>
    private var counters: UnsafeMutablePointer<ServerCounters>
    private let control: LoopControl
    // At hand because going through the state costs a retain each.
    private let behavior: BehaviorBox
    private let mailbox: Mailbox
    private let observer: (any ServerObserver)?
    /// The same, if it observes the load.
    private let loadObserver: (any LoadObserver)?
    /// What the observer was told last.
    private var reportedCounters = ServerCounters()
    private var turnClock = TurnClock()

    init(_ state: UnsafeMutablePointer<LoopState>, _ behavior: BehaviorBox, _ observer: (any ServerObserver)?) {
        self.state = state
        connections = state.pointee.connections
        counters = state.pointee.counters
        control = state.pointee.control
        self.behavior = behavior
        mailbox = behavior.mailbox
        self.observer = observer
        loadObserver = observer as? any LoadObserver
    }

    /// Whether a message has come that was not looked at.
    var hasNews: Bool { mailbox.hasMessages }

    /// Whether a message waits to be handled.
    @inline(__always)
    private var hasMessage: Bool { behavior.hasMessage(isSuspended: state.pointee.isSuspended) }

    /// Whether there is something to do without waiting.
    @inline(__always)
    var hasWork: Bool {
        hasMessage || state.pointee.hasInfos
            || state.pointee.hasWorkerMail || state.pointee.hasAdopted || connections.pointee.hasLost
            || state.pointee.isDrainDue
    }

    /// The next time the loop must wake for a timer, a timeout or the end of a drain.
    @inline(__always)
    var nextDeadline: Instant? {
        guard state.pointee.stopReason == nil else { return nil }
        let drainEnd = state.pointee.drain?.deadline
        guard !state.pointee.isSuspended else { return drainEnd }
        return .earlier(drainEnd, .earlier(state.pointee.timers.earliest, state.pointee.timeout))
    }

    /// Handles a turn's messages, a quantum of them at the most; one also where completions have used the budget up, or they might do so
    /// for ever.
    @inline(__always)
    mutating func handleMessages(_ budget: inout Int) {
        if hasMessage { handleWaitingMessages(&budget) }
    }

    @inline(never)
    private mutating func handleWaitingMessages(_ budget: inout Int) {
        let count = handleMessages(atMost: max(1, min(budget, Self.quantum)))
        budget = max(0, budget - count)
    }

    /// Handles messages that are there, so many at the most; returns how many.
    mutating func handleMessages(atMost limit: Int) -> Int {
        var count = 0
        while count < limit, state.pointee.stopReason == nil, hasMessage {
            count += 1
            do {
                let isSuspended = state.pointee.isSuspended
                if let verdict = try behavior.handleMessage(isSuspended: isSuspended, ServerContext(state)) {
                    counters.pointee.messages &+= 1
                    state.apply(verdict)
                }
            } catch {
                state.stop(.failed(error))
            }
            mailbox.ledger.flush()
        }
        return count
    }

    /// Tells the timers that are due and were when it began: one that is started meanwhile has to wait for the next turn.
    @inline(__always)
    mutating func tellTimers() {
        if state.pointee.timers.count > 0 { tellDueTimers() }
    }

    @inline(never)
    private mutating func tellDueTimers() {
        guard !state.pointee.isSuspended else { return }
        let now = connections.pointee.now
        var budget = state.pointee.timers.count
        while budget > 0, state.pointee.stopReason == nil, let timer = state.pointee.timers.removeFirst(dueAt: now) {
            budget -= 1
            state.tell(.timer(timer))
        }
    }

    @inline(__always)
    mutating func tellSignals() {
        if control.hasSignals { tellArrivedSignals() }
    }

    @inline(never)
    private mutating func tellArrivedSignals() {
        for signal in control.takeSignals() { state.tell(.signal(signal)) }
        if let limit = control.takeDrainWish() { ServerContext(state).drain(within: limit) }
    }

    /// Tells what callbacks, and connections that ended by themselves, have brought about.
    @inline(__always)
    mutating func tellInfos() {
        if state.pointee.hasInfos || connections.pointee.hasLost { tellWaitingInfos() }
    }

    @inline(never)
    private mutating func tellWaitingInfos() {
        while let connection = connections.pointee.takeLost() { state.pointee.tellLater(.connectionLost(connection)) }
        var budget = Self.quantum
        while budget > 0, let info = state.pointee.takeInfo() {
            budget -= 1
            state.tell(info)
        }
    }

    /// A turn begins.
    @inline(__always)
    mutating func noteTurn() {
        if state.pointee.events != nil && loadObserver != nil { turnClock.noteBegin(at: connections.pointee.now) }
    }

    /// Tells the observer, if there is one, what is new. At the end of a turn, since connections have ended in what was prepared; and when the
    /// behavior has terminated, also where no turn will end any more.
    @inline(__always)
    mutating func report() {
        if state.pointee.events != nil { reportToObserver() }
    }

    @inline(never)
    private mutating func reportToObserver() {
        guard let events = state.pointee.events, let observer else { return }
        if let loadObserver { return report(events, to: loadObserver) }
        let counters = state.pointee.countersNow
        guard !events.isEmpty || counters != reportedCounters else { return }
        state.pointee.events = []
        reportedCounters = counters
        observer.observe(events, counters)
    }

    @inline(never)
    private mutating func report(_ events: [ServerEvent], to observer: any LoadObserver) {
        turnClock.noteEnd(at: state.pointee.clock())
        if !events.isEmpty { state.pointee.events = [] }
        let listeners = state.pointee.listeners
        let load = ServerLoad(
            listeners: listeners.pointee.openCount,
            parkedListeners: listeners.pointee.parkedCount,
            mailboxLength: behavior.messageCount,
            turns: turnClock.turns,
            turnTime: turnClock.total,
            longestTurn: turnClock.takeLongest()
        )
        observer.observe(events, state.pointee.countersNow, load)
    }
}
