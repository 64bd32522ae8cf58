internal import NBEngine

/// The listeners of a running server, and the order in which they are armed.
///
/// An armed accept takes queued connections until the completion queue is full. So the order of arming is the order of service, and the
/// first listener gets nearly everything. Therefore the least-served listener is armed first. It gets a quantum, as many connections as fill
/// the queue, and then another listener has its turn. Credit is capped: an idle listener is at most one quantum behind the most-served one,
/// or it would be first for long once it has a backlog.
///
/// A listener has an index, which another listener gets when it is closed. Callbacks record their requests here, and the loop carries them
/// out. Owned by the loop; loop's thread only.
struct ListenerTable: ~Copyable {
    // A pointer, so that a listener is changed in place, without the checks of an array. Not a `let`: writing through a `let` crashes the
    // compiler (Swift 6.3) when it builds for the thread sanitizer.
    private var listeners: UnsafeMutablePointer<Listener>
    private var capacity: Int

    /// Indices that are or were in use.
    private(set) var count: Int
    /// Indices of closed listeners.
    private var vacant: [Int] = []

    /// Listeners that wait to be armed. Has capacity for all listeners.
    private var pending: [Int] = []
    /// Listeners whose accepts are to be cancelled.
    private var cancels: [Int] = []

    /// How many connections a full queue holds.
    private let quantum: UInt64

    /// Listeners that are not closed.
    private(set) var openCount: Int

    /// Whether any listener has a ``Departure``. If not, the search is skipped.
    private(set) var hasDepartures = false

    /// Departures are to be advanced, and no completion announces that: one was asked for, or its listener was paused.
    private(set) var hasDueDepartures = false

    /// A listener was closed since this was last taken.
    private var hasClosed = false

    /// Whether any listener may be parked. If not, the search is skipped.
    private(set) var mayHaveParked = false

    init(_ sockets: [ListenSocket], quantum: Int) {
        count = sockets.count
        capacity = max(sockets.count, 1)
        self.quantum = UInt64(quantum)
        openCount = sockets.count
        listeners = .allocate(capacity: capacity)
        for (index, socket) in sockets.enumerated() {
            (listeners + index).initialize(to: Listener(socket, key: ListenerKey(index: index)))
        }
        pending.reserveCapacity(sockets.count)
        pending.append(contentsOf: sockets.indices)
    }

    deinit {
        closeAll()
        listeners.deinitialize(count: count)
        listeners.deallocate()
    }

    subscript(index: Int) -> Listener {
        _read { yield listeners[index] }
        _modify { yield &listeners[index] }
    }

    /// The listener a token means, or `nil` for an arm that is over, also before the listener is armed again.
    func index(of token: Token) -> Int? {
        let index = Int(token.slot)
        guard index < count, listeners[index].generation == token.generation else { return nil }
        return index
    }
}

// Coming, resting and going.
extension ListenerTable {
    /// The indices of listeners that are not closed. An index is used again, so the order is not always that of their coming.
    var open: [Int] { (0..<count).filter { listeners[$0].state.phase != .closed } }

    /// The listener on an address that is not closed, nor about to be.
    func index(of address: SocketAddress) -> Int? {
        (0..<count).first { listeners[$0].socket.address == address && !listeners[$0].state.isClosing }
    }

    /// The same by its key.
    func openIndex(of key: ListenerKey) -> Int? {
        index(of: key).flatMap { listeners[$0].state.isClosing ? nil : $0 }
    }

    /// The listener a connection came by, if it is not closed.
    func index(of key: ListenerKey) -> Int? {
        let index = Int(key.index)
        guard index < count, listeners[index].key == key, listeners[index].state.phase != .closed else { return nil }
        return index
    }

    /// Gives a socket a place, from which it is armed; returns its index.
    mutating func add(_ socket: ListenSocket) -> Int {
        openCount += 1
        guard let index = vacant.popLast() else { return addPlace(socket) }
        let (key, generation) = (listeners[index].key.next, listeners[index].generation)
        listeners[index] = Listener(socket, key: key, generation: generation)
        enqueue(index)
        return index
    }

    private mutating func addPlace(_ socket: ListenSocket) -> Int {
        if count == capacity { grow() }
        (listeners + count).initialize(to: Listener(socket, key: ListenerKey(index: count)))
        count += 1
        enqueue(count - 1)
        return count - 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Listener>.allocate(capacity: 2 * capacity)
        larger.moveInitialize(from: listeners, count: count)
        listeners.deallocate()
        listeners = larger
        capacity *= 2
    }

    /// Carries out what needs no operation, and writes down what does.
    mutating func apply(_ reaction: ListenerState.Reaction, _ index: Int) {
        switch reaction {
        case .arm: enqueue(index)
        case .withdraw:
            pending.removeAll { $0 == index }
            if listeners[index].departure != nil { hasDueDepartures = true }
        case .cancel: cancels.append(index)
        case .close, .fail: close(index)
        case .none, .park: break
        }
    }

    /// Whether an accept is to be cancelled.
    var hasCancels: Bool { !cancels.isEmpty }

    /// Takes a listener whose accept is to be cancelled.
    mutating func nextToCancel() -> Int? {
        cancels.popLast()
    }

    /// Closes a listener's socket.
    private mutating func close(_ index: Int) {
        listeners[index].socket.close()
        listeners[index].account.take()?.noteClosed()
        pending.removeAll { $0 == index }
        vacant.append(index)
        openCount -= 1
        for waiter in listeners[index].departure.take()?.waiters ?? [] { waiter.reply(.success(())) }
        for remover in listeners[index].removers { remover.reply(.success(())) }
        listeners[index].removers = []
        hasClosed = true
    }

    /// Whether a listener was closed, once.
    mutating func takeClosed() -> Bool {
        defer { hasClosed = false }
        return hasClosed
    }

    /// Closes every socket, whatever is armed on it.
    func closeAll() {
        for index in 0..<count { listeners[index].socket.close() }
    }
}

// Leaving.
extension ListenerTable {
    /// Changes how a listener leaves, which begins to if it has not.
    mutating func depart(_ index: Int, _ change: (inout Departure) -> Void) {
        hasDepartures = true
        hasDueDepartures = true
        var departure = listeners[index].departure ?? Departure()
        change(&departure)
        listeners[index].departure = departure
    }

    /// Listeners that leave.
    var departing: [Int] {
        (0..<count).filter { listeners[$0].departure != nil && !listeners[$0].state.isClosing }
    }

    /// Departures were advanced: looks whether any listener still leaves.
    mutating func updateDepartures() {
        hasDepartures = !departing.isEmpty
        hasDueDepartures = false
    }
}

// Arming.
extension ListenerTable {
    /// Makes a listener wait to be armed, if it is not withheld.
    private mutating func enqueue(_ index: Int) {
        if !listeners[index].isWithheld { pending.append(index) }
    }

    /// A connection of a listener waits for a permit: it is not armed until it is released, and an accept that is armed ends.
    mutating func withhold(_ index: Int, isArmed: Bool) {
        guard !listeners[index].isWithheld else { return }
        listeners[index].isWithheld = true
        if isArmed { apply(listeners[index].state.interrupt(), index) }
    }

    /// No connection of a listener waits any more.
    mutating func release(_ index: Int) {
        listeners[index].isWithheld = false
        if listeners[index].state.phase == .idle { enqueue(index) }
    }

    /// Takes the next listener to arm, or `nil` if none waits.
    mutating func nextToArm(isFirst: Bool) -> Int? {
        guard !pending.isEmpty else { return nil }
        guard isFirst else { return takePending(0) }
        limitCredit()
        var least = 0
        for position in pending.indices where listeners[pending[position]].served < listeners[pending[least]].served {
            least = position
        }
        return takePending(least)
    }

    /// Whether a listener waits to be armed.
    var hasPending: Bool { !pending.isEmpty }

    private mutating func limitCredit() {
        var most: UInt64 = 0
        for index in pending { most = max(most, listeners[index].served) }
        guard most > quantum else { return }
        for index in pending { listeners[index].served = max(listeners[index].served, most - quantum) }
    }

    private mutating func takePending(_ position: Int) -> Int {
        let index = pending[position]
        pending.swapAt(position, pending.count - 1)
        pending.removeLast()
        return index
    }
}

// Parking.
extension ListenerTable {
    /// Notes that a listener has parked.
    mutating func noteParked() {
        mayHaveParked = true
    }

    /// Tells the parked listeners what happened, and makes those wait to be armed that want to be.
    mutating func wakeParked(_ event: (inout ListenerState) -> ListenerState.Reaction) {
        guard mayHaveParked else { return }
        for index in 0..<count where event(&listeners[index].state) == .arm { enqueue(index) }
        mayHaveParked = nextParkEnd != nil
    }

    /// Whether any listener but this one has trouble accepting.
    func hasParked(besides index: Int) -> Bool {
        (0..<count).contains { $0 != index && listeners[$0].state.isRecovering && listeners[$0].state.phase != .closed }
    }

    /// How many listeners are parked.
    var parkedCount: Int {
        guard mayHaveParked else { return 0 }
        return (0..<count).reduce(0) { total, index in
            if case .parked = listeners[index].state.phase { total + 1 } else { total }
        }
    }

    /// When the next parked listener is to try again.
    @inline(__always)
    var nextParkEnd: Instant? { mayHaveParked ? firstParkEnd : nil }

    @inline(never)
    private var firstParkEnd: Instant? {
        var earliest: Instant?
        for index in 0..<count {
            if case .parked(let until, _) = listeners[index].state.phase { earliest = min(until, earliest ?? until) }
        }
        return earliest
    }
}
