internal import NBEngine
internal import Synchronization

/// Every connection the loop knows, each in a slot that has one address for life.
///
/// Owned by the loop; used by the loop's thread only, from callbacks as well, through a pointer. Slots live in pages
/// that are never moved and are used again newest first, while they are still in the cache. What a callback asks for is
/// only written down here, in the slot and on the list of unsettled slots; the loop settles that list after every batch
/// of completions (`ConnectionTable+Settling.swift`).
struct ConnectionTable: ~Copyable {
    typealias Slot = UnsafeMutablePointer<ConnectionSlot>

    private static let pageSize = 256

    /// The number of the server whose connections they are.
    let server: UInt32
    /// How long the peer of a dropped connection may take nothing, and then how long until it ends its own side.
    let closeTimeLimit: Duration
    /// How long the end of a connection may take in all.
    let wholeCloseTimeLimit: Duration?
    /// Closing a connection would wait for its peer.
    var closesWait: Bool
    // Not a `let`: writing through one crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    var counters: UnsafeMutablePointer<ServerCounters>
    /// Knows the loop's thread, for debug builds; `nil` for a table without a server.
    private let ledger: CallLedger?

    /// The time of the loop's present turn.
    var now = Instant(nanoseconds: 0)
    /// How the last bytes of a connection are sent in the loop's present turn.
    var finalSendMode = Operation.SendMode.immediate
    /// Connections in any phase but free.
    private(set) var count = 0
    /// Who still points into the table: the loop, and every orphan's `Connection`, which may be dropped on any thread.
    private let owners = Atomic<Int>(1)
    /// Until when clients are taken for ones that speak first.
    var clientsSpeakUntil = Instant(nanoseconds: 0)
    var pool = ByteBlockPool()

    private var pages: [Slot] = []
    private var firstFree: Slot?
    private var firstUnsettled: Slot?
    private var lastUnsettled: Slot?
    var deadlines = ConnectionDeadlines()
    var receivers: [UInt32: Receiver] = [:]
    var handOuts = Queue<HandOut>()
    var hasFreedDescriptor = false
    var lost = Queue<ConnectionID>()
    /// Workers whose connections have ended.
    var ended: [EndedWorker] = []
    /// Connections whose workers are to be called, and how many have been.
    var ready: [Token] = []
    var readyPosition = 0
    /// Connections that wait for a receive buffer.
    var starved = Queue<Token>()
    /// Connections for which the kernel was short of memory.
    var refused: [Token] = []

    init(
        server: UInt32 = 0,
        closeTimeLimit: Duration,
        wholeCloseTimeLimit: Duration? = nil,
        closesWait: Bool,
        counters: UnsafeMutablePointer<ServerCounters>,
        ledger: CallLedger? = nil
    ) {
        self.server = server
        self.closeTimeLimit = closeTimeLimit
        self.wholeCloseTimeLimit = wholeCloseTimeLimit
        self.closesWait = closesWait
        self.counters = counters
        self.ledger = ledger
    }

    deinit {
        for page in pages { page.deallocate() }
    }

    /// The slot at an index, if there is one.
    func slot(_ index: UInt32) -> Slot? {
        let (page, place) = Int(index).quotientAndRemainder(dividingBy: Self.pageSize)
        return page < pages.count ? pages[page] + place : nil
    }

    /// The slot a token means, or `nil` if it has changed hands since.
    func slot(_ token: Token) -> Slot? {
        guard let slot = slot(token.slot) else { return nil }
        return slot.pointee.place == token.with(kind: 0) ? slot : nil
    }

    /// A `Connection` belongs to the loop's thread, an orphan's to any thread. Looked at in debug builds.
    @inline(__always)
    func assertOnLoopThread(_ slot: Slot) {
        assert(
            slot.pointee.phase == .orphaned || ledger?.isOffLoopThread != true,
            "a connection is used outside of its server's thread: use it inside callbacks only"
        )
    }

    /// Every slot in use.
    var used: [Slot] {
        pages.flatMap { page in (0..<Self.pageSize).map { page + $0 } }.filter { $0.pointee.phase != .free }
    }
}

// Coming and going.
extension ConnectionTable {
    /// Gives an accepted descriptor a slot.
    @inline(__always)
    mutating func admit(_ descriptor: Int32, _ listener: ListenerID) -> Slot {
        if firstFree == nil { addPage() }
        guard let slot = firstFree else { preconditionFailure("a new page has free slots") }
        firstFree = slot.pointee.next
        slot.pointee.phase = .open
        slot.pointee.descriptor = descriptor
        slot.pointee.listener = listener
        count &+= 1
        return slot
    }

    /// Takes a slot back. The kernel must owe it nothing, and its descriptor must be closed or given away.
    @inline(__always)
    mutating func free(_ slot: Slot) {
        assert(slot.pointee.phase != .free, "freed twice")
        assert(!slot.pointee.isUnsettled, "freed while on the list of unsettled slots")
        assert(!slot.pointee.isSending && !slot.pointee.isDiscarding, "the kernel still uses this slot")
        assert(!slot.pointee.receiving.isArmed, "the kernel still receives for this slot")
        assert(!slot.pointee.awaitsComplaint, "freed before its last send has proved good")
        assert(slot.hasNothingToSend && !slot.pointee.isKept, "freed with something left")
        if slot.pointee.hasWorker { endWorker(slot) }
        if slot.pointee.input != nil { forgetInput(slot) }
        removeDeadline(slot)
        slot.pointee.phase = .free
        slot.pointee.isBroken = false
        slot.pointee.finishesOutput = false
        slot.pointee.hasFinishedOutput = false
        slot.pointee.isPlainTCP = true
        slot.pointee.ending = Ending()
        slot.pointee.number = 0
        slot.pointee.place = Token(
            kind: 0,
            generation: slot.pointee.place.generation &+ 1,
            slot: slot.pointee.place.slot
        )
        slot.pointee.next = firstFree
        firstFree = slot
        count &-= 1
    }

    private mutating func addPage() {
        assert(ConnectionSlot.isLaidOutAsExpected, "the compiler lays connection slots out in another order")
        let page = Slot.allocate(capacity: Self.pageSize)
        let firstIndex = pages.count * Self.pageSize
        pages.append(page)
        for place in (0..<Self.pageSize).reversed() {
            let slot = page + place
            slot.initialize(to: ConnectionSlot(index: UInt32(firstIndex + place), server: server))
            slot.pointee.next = firstFree
            firstFree = slot
        }
    }
}

// What owners of connections ask for. An orphan's owner asks in vain, and lets go of the table.
extension UnsafeMutablePointer<ConnectionTable> {
    @inline(__always)
    func drop(_ slot: ConnectionTable.Slot) {
        guard slot.pointee.phase == .open else { return letGo(slot) }
        pointee.drop(slot)
    }

    func reset(_ slot: ConnectionTable.Slot) {
        guard slot.pointee.phase == .open else { return letGo(slot) }
        pointee.reset(slot)
    }

    func release(_ slot: ConnectionTable.Slot, to receiver: @escaping ConnectionTable.Receiver) {
        guard slot.pointee.phase == .open else { return letGo(slot) }
        pointee.release(slot, to: receiver)
    }

    @inline(never)
    private func letGo(_ slot: ConnectionTable.Slot) {
        precondition(slot.pointee.phase == .orphaned, "a connection that has an owner is open")
        letGo()
    }

    /// The last one frees the table.
    func letGo() {
        guard pointee.hasLostLastOwner() else { return }
        deinitialize(count: 1)
        deallocate()
    }
}

extension ConnectionTable {
    fileprivate func hasLostLastOwner() -> Bool {
        owners.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    @inline(__always)
    mutating func send(_ bytes: UnsafeRawBufferPointer, on slot: Slot) {
        guard slot.pointee.phase == .open, !slot.pointee.isBroken, !slot.pointee.finishesOutput else { return }
        slot.append(bytes, &pool)
        unsettle(slot)
    }

    /// Queues memory as it is.
    mutating func send(_ buffer: consuming SendBuffer, on slot: Slot) {
        guard slot.pointee.phase == .open, !slot.pointee.isBroken, !slot.pointee.finishesOutput, buffer.count > 0 else {
            return
        }
        slot.append(buffer.intoBlock())
        unsettle(slot)
    }

    /// The owner is gone: sends what was queued, then closes.
    @inline(__always)
    mutating func drop(_ slot: Slot) {
        slot.pointee.isKept = false
        slot.pointee.phase = .closing
        leaveOpen(slot)
        unsettle(slot)
    }

    mutating func reset(_ slot: Slot) {
        slot.pointee.isKept = false
        slot.pointee.phase = .resetting
        leaveOpen(slot)
        unsettle(slot)
    }

    mutating func release(_ slot: Slot, to receiver: @escaping Receiver) {
        receivers[slot.pointee.place.slot] = receiver
        slot.pointee.isKept = false
        slot.pointee.phase = .releasing
        leaveOpen(slot)
        unsettle(slot)
    }

    /// The server ends while somebody still has the connection: it is reset, and its slot is never used again.
    mutating func orphan(_ slot: Slot) {
        slot.pointee.phase = .orphaned
        owners.add(1, ordering: .relaxed)
        unsettle(slot)
    }

    /// The kernel may use the table's memory for good: one owner more, which never lets go.
    func outliveItsOwners() {
        owners.add(1, ordering: .relaxed)
    }

    /// The kernel owes the orphan nothing any more, and the loop need not wait for it.
    mutating func letOrphanBe(_ slot: Slot) {
        slot.consumeAll(&pool)
        forgetInput(slot)
        count -= 1
    }
}

// The list of unsettled slots, first come first served.
extension ConnectionTable {
    var hasUnsettled: Bool { firstUnsettled != nil }

    @inline(__always)
    mutating func unsettle(_ slot: Slot) {
        guard !slot.pointee.isUnsettled else { return }
        slot.pointee.isUnsettled = true
        slot.pointee.next = nil
        if firstUnsettled == nil { firstUnsettled = slot } else { lastUnsettled?.pointee.next = slot }
        lastUnsettled = slot
    }

    @inline(__always)
    mutating func takeUnsettled() -> Slot? {
        guard let slot = firstUnsettled else { return nil }
        firstUnsettled = slot.pointee.next
        slot.pointee.isUnsettled = false
        return slot
    }
}
