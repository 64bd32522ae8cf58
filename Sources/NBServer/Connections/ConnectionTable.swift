internal import NBEngine
internal import Synchronization

/// Every connection the loop knows, each in a slot that has one address for life.
///
/// Owned by the loop; used by the loop's thread only, from callbacks as well, through a pointer. Slots live in pages
/// that are never moved and are used again newest first, while they are still in the cache. What a callback asks for is
/// only written down here, in the slot and on the list of due slots; the loop submits what is due after every batch of
/// completions (`ConnectionTable+Ending.swift`).
struct ConnectionTable: ~Copyable {
    typealias Slot = UnsafeMutablePointer<ConnectionSlot>

    /// The number of the server whose connections they are.
    let server: UInt32
    /// When the limits on a connection's end are first looked at, from when it begins to end.
    let firstCloseLimit: Duration
    /// The same for one that is heard out, from when that begins.
    let firstLingerLimit: Duration
    /// How many of a listener's connections are heard out at a time.
    let lingerLimit: Int
    /// Closing a connection may wait for its peer, because an option of its socket asks for it.
    private(set) var closesWait = false
    /// Polling a connection may not tell of its input, for the same reason.
    private(set) var mayHideInput = false
    // Not a `let`: writing through one crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    var counters: UnsafeMutablePointer<ServerCounters>
    /// Knows the loop's thread, for debug builds; `nil` for a table without a server.
    private let ledger: CallLedger?

    var time: TurnTime
    /// Connections in any phase but free.
    private(set) var count = 0
    /// How many still point into the table: the loop, and every `Connection` that outlives the server, which any thread may drop.
    private let references = Atomic<Int>(1)
    var pool = ByteBlockPool()
    private var numbers = ConnectionNumbers()

    private var pages = Pages(
        stride: MemoryLayout<ConnectionSlot>.stride,
        alignment: MemoryLayout<ConnectionSlot>.alignment
    )
    /// How many slots have had a connection. The memory of one that has not is not touched before: it comes from the kernel when it is.
    private var usedCount = 0
    /// Memory for the clocks of connections that have a time limit, each at its slot's index.
    var clockPages = Pages(
        stride: MemoryLayout<LimitClocks>.stride,
        alignment: MemoryLayout<LimitClocks>.alignment
    )
    /// Connections that end together, within one call.
    var endings = EndingGroup()
    private var firstFree: Slot?
    private var firstDue: Slot?
    private var lastDue: Slot?
    var deadlines = ConnectionDeadlines()
    var receivers: [UInt32: Receiver] = [:]
    var handOuts = Queue<HandOut>()
    /// Whether a descriptor was freed lately.
    var freedDescriptor = FreedDescriptor()
    var lost = Queue<ConnectionID>()
    /// The connections whose peers are heard out, by listener.
    var lingering: [LingeringLine] = []
    /// Workers whose connections have ended.
    var closeNotices: [PendingCloseNotice] = []
    /// What a worker is shown of its connection when that has ended.
    let endedSlot = Slot.allocate(capacity: 1)
    /// Connections whose workers are to be called.
    var ready = GrowingRing<Token>(capacity: 64)
    /// Connections that wait for a receive buffer.
    var starved = Queue<Token>()
    var forecast = InputForecast()
    /// What was submitted to be sent at once, until it is known what became of it.
    var sentAtOnce = GrowingRing<SentAtOnce>(capacity: 64)
    /// What was sent at once in an earlier turn is not known yet. Nothing else is sent at once meanwhile: a connection is on the list once.
    var hasPostponedSends = false
    /// A connection that was sent something at once waits for that to be known.
    var isSendAwaited = false
    /// Connections for which the kernel was short of memory.
    var refused: [Token] = []
    /// Finds sockets that are not the kernel's; see ``SocketCalls/standIn``.
    var standIn: ((Int32) -> (any StandInSocket)?)?

    init(
        server: UInt32 = 0,
        options: ServerOptions,
        counters: UnsafeMutablePointer<ServerCounters>,
        ledger: CallLedger? = nil,
        clock: @escaping () -> Instant
    ) {
        self.server = server
        firstCloseLimit = min(options.closeTimeLimit, options.wholeCloseTimeLimit ?? options.closeTimeLimit)
        firstLingerLimit = min(firstCloseLimit, options.lingerTimeLimit)
        lingerLimit = options.lingerLimit
        self.counters = counters
        self.ledger = ledger
        time = TurnTime(clock)
        endedSlot.initialize(to: ConnectionSlot(index: 0, server: server))
        note(options.socketOptions)
    }

    deinit {
        endedSlot.deallocate()
    }

    /// Sockets of the server get these options.
    mutating func note(_ options: [SocketOption]) {
        for option in options {
            if option.kinds.contains(where: \.mayMakeCloseWait) { closesWait = true }
            if option.kinds.contains(where: \.mayHideInput) { mayHideInput = true }
        }
    }

    /// The time of the loop's present turn.
    var now: Instant {
        mutating get { time.now }
    }

    /// The slot at an index, if there is one.
    func slot(_ index: UInt32) -> Slot? {
        Int(index) < usedCount ? address(Int(index)) : nil
    }

    @inline(__always)
    private func address(_ index: Int) -> Slot { pages.address(index).assumingMemoryBound(to: ConnectionSlot.self) }

    /// The slot a token means, or `nil` if it has changed hands since.
    func slot(_ token: Token) -> Slot? {
        guard let slot = slot(token.slot) else { return nil }
        return slot.pointee.token == token.with(kind: 0) ? slot : nil
    }

    /// A `Connection` belongs to the loop's thread; one that outlives the server, to any thread. Looked at in debug builds.
    @inline(__always)
    func assertOnLoopThread(_ slot: Slot) {
        assert(
            slot.pointee.phase == .outlived || ledger?.isOffLoopThread != true,
            "a connection is used outside of its server's thread: use it inside callbacks only"
        )
    }

    /// Gives a connection a name, unless it has one from having been kept before.
    mutating func giveName(_ slot: Slot) {
        if slot.pointee.number == 0 { slot.pointee.number = numbers.next() }
    }

    /// Every slot in use.
    var used: [Slot] {
        (0..<usedCount).map { address($0) }.filter { $0.pointee.phase != .free }
    }
}

// Coming and going.
extension ConnectionTable {
    /// Gives an accepted descriptor a slot.
    @inline(__always)
    mutating func admit(_ descriptor: Int32, _ listener: ListenerKey) -> Slot {
        let slot = takeFree()
        _ = slot.pointee.state.on(.accepted)
        slot.pointee.descriptor = descriptor
        slot.pointee.listener = listener
        count &+= 1
        return slot
    }

    /// Takes a slot back. The kernel must owe it nothing, and its descriptor must be closed or given away.
    @inline(__always)
    mutating func free(_ slot: Slot) {
        assert(slot.pointee.phase == .free, "freed while it is \(slot.pointee.phase)")
        assert(!slot.pointee.isDue, "freed while on the list of due slots")
        assert(slot.pointee.state.inFlight.isEmpty, "the kernel still uses this slot")
        assert(slot.hasNothingToSend && !slot.pointee.isKept, "freed with something left")
        if slot.pointee.hasWorker { endWorker(slot) }
        // One look for three: short connections have none of them.
        let rest = UInt(bitPattern: slot.pointee.input) | UInt(bitPattern: slot.pointee.account)
        if rest | (slot.pointee.isWatched ? 1 : 0) != 0 { freeRest(slot) }
        slot.pointee.clocks = nil
        removeDeadline(slot)
        slot.pointee.state = ConnectionState()
        slot.pointee.mayBeBehind = false
        slot.pointee.finishesOutput = false
        slot.pointee.hasFinishedOutput = false
        slot.pointee.isPlainTCP = true
        slot.pointee.awaitsSends = false
        slot.pointee.closeCause = CloseCause()
        slot.pointee.number = 0
        slot.pointee.token = Token(
            kind: 0,
            generation: slot.pointee.token.generation &+ 1,
            slot: slot.pointee.token.slot
        )
        slot.pointee.next = firstFree
        firstFree = slot
        count &-= 1
    }

    @inline(never)
    private mutating func freeRest(_ slot: Slot) {
        if slot.pointee.input != nil { forgetInput(slot) }
        endAdmission(slot)
        guard slot.pointee.isWatched else { return }
        slot.pointee.isWatched = false
        slot.pointee.receiving = Receiving()
    }

    /// The connection does not count against limits any more.
    func endAdmission(_ slot: Slot) {
        slot.pointee.account.take()?.noteEnd(source: slot.pointee.source)
    }

    @inline(__always)
    private mutating func takeFree() -> Slot {
        guard let slot = firstFree else { return addSlot() }
        firstFree = slot.pointee.next
        return slot
    }

    @inline(never)
    private mutating func addSlot() -> Slot {
        assert(ConnectionSlot.isLaidOutAsExpected, "the compiler lays connection slots out in another order")
        if usedCount == pages.capacity { pages.grow() }
        let slot = address(usedCount)
        slot.initialize(to: ConnectionSlot(index: UInt32(usedCount), server: server))
        usedCount += 1
        return slot
    }
}

// What owners of connections ask for. One that outlives the server asks in vain, and releases the table.
extension UnsafeMutablePointer<ConnectionTable> {
    @inline(__always)
    func drop(_ slot: ConnectionTable.Slot) {
        guard slot.pointee.phase == .open else { return releaseTable(slot) }
        pointee.drop(slot)
    }

    func reset(_ slot: ConnectionTable.Slot) {
        guard slot.pointee.phase == .open else { return releaseTable(slot) }
        pointee.reset(slot)
    }

    func detach(_ slot: ConnectionTable.Slot, to receiver: @escaping ConnectionTable.Receiver) {
        guard slot.pointee.phase == .open else {
            releaseTable(slot)
            return receiver(.failure(.notDetached(CloseCause())))
        }
        pointee.detach(slot, to: receiver)
    }

    @inline(never)
    private func releaseTable(_ slot: ConnectionTable.Slot) {
        precondition(slot.pointee.phase == .outlived, "a connection that has an owner is open")
        releaseTable()
    }

    /// The last one frees the table.
    func releaseTable() {
        guard pointee.hasLostLastReference() else { return }
        deinitialize(count: 1)
        deallocate()
    }
}

extension ConnectionTable {
    fileprivate func hasLostLastReference() -> Bool {
        references.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    @inline(__always)
    mutating func send(_ bytes: UnsafeRawBufferPointer, on slot: Slot) {
        guard takesBytes(slot) else { return }
        slot.append(bytes, &pool)
        markDue(slot)
    }

    /// Queues memory as it is.
    mutating func send(_ buffer: consuming SendBuffer, on slot: Slot) {
        guard takesBytes(slot), buffer.count > 0 else { return }
        slot.append(buffer.intoBlock())
        markDue(slot)
    }

    @inline(__always)
    private func takesBytes(_ slot: Slot) -> Bool {
        slot.pointee.phase == .open && !slot.pointee.state.isBroken && !slot.pointee.finishesOutput
    }

    /// The owner is gone: sends what was queued, then closes.
    @inline(__always)
    mutating func drop(_ slot: Slot) {
        leave(slot, .dropped)
    }

    mutating func reset(_ slot: Slot) {
        leave(slot, .reset)
    }

    mutating func detach(_ slot: Slot, to receiver: @escaping Receiver) {
        receivers[slot.pointee.token.slot] = receiver
        leave(slot, .detached)
    }

    @inline(__always)
    private mutating func leave(_ slot: Slot, _ event: ConnectionState.Event) {
        slot.pointee.isKept = false
        leaveOpen(slot)
        if slot.pointee.phase == .lingering { endLingering(slot) }
        settle(slot.pointee.state.on(event), slot)
    }

    /// The server ends while a `Connection` value still exists: the connection is reset, and its slot is never used again.
    mutating func outliveServer(_ slot: Slot) {
        references.add(1, ordering: .relaxed)
        settle(slot.pointee.state.on(.serverEnded), slot)
    }

    /// The kernel may use the table's memory for good: a reference that is never released.
    func outliveReferences() {
        references.add(1, ordering: .relaxed)
    }

    /// The kernel owes nothing any more to a connection that outlives the server, and the loop need not wait for it.
    mutating func retireOutlived(_ slot: Slot) {
        slot.consumeAll(&pool)
        forgetInput(slot)
        endAdmission(slot)
        count -= 1
    }
}

// The list of due slots, first come first served.
extension ConnectionTable {
    var hasDue: Bool { firstDue != nil }

    @inline(__always)
    mutating func markDue(_ slot: Slot) {
        guard !slot.pointee.isDue else { return }
        if slot.pointee.isSentAtOnce { isSendAwaited = true }
        slot.pointee.isDue = true
        slot.pointee.next = nil
        if firstDue == nil { firstDue = slot } else { lastDue?.pointee.next = slot }
        lastDue = slot
    }

    @inline(__always)
    mutating func takeDue() -> Slot? {
        guard let slot = firstDue else { return nil }
        firstDue = slot.pointee.next
        slot.pointee.isDue = false
        return slot
    }
}
