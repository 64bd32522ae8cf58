internal import Uring

/// The listeners of a running server, and the order in which they are armed.
///
/// An accept that is armed takes what is queued until the completion queue is full, so the order of arming is the order
/// of service, and whoever is first gets nearly everything. Therefore, of those that wait to be armed, the listener that
/// was served least goes first: a full queue is its quantum, and then it is another's turn. What counts is a quantum at the
/// most: whoever had little to do for long is behind the others by no more than that when it gets a crowd.
///
/// Owned by the loop; loop's thread only.
struct ListenerTable: ~Copyable {
    let count: Int

    // A pointer, so that a listener is changed where it is, without the checks of an array. Not a `let`: writing through
    // one crashes the compiler (Swift 6.3) when it builds for the thread sanitizer.
    private var listeners: UnsafeMutablePointer<Listener>

    /// Listeners that wait to be armed; room for all of them from the start.
    private var pending: [Int] = []

    /// How many connections a full queue holds.
    private let quantum: UInt64

    /// Listeners that are not closed.
    private(set) var openCount: Int

    /// Whether any may be parked; if not, nobody need look.
    private var mayHaveParked = false

    init(_ sockets: [ListenSocket], quantum: Int) {
        count = sockets.count
        self.quantum = UInt64(quantum)
        openCount = sockets.count
        listeners = .allocate(capacity: sockets.count)
        for (index, socket) in sockets.enumerated() { (listeners + index).initialize(to: Listener(socket)) }
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

    /// The listener a token means, or `nil` for an arm that is over.
    func index(of token: Token) -> Int? {
        let index = Int(token.slot)
        guard index < count, listeners[index].generation == token.generation else { return nil }
        return index
    }

    /// Makes a listener wait to be armed.
    mutating func enqueue(_ index: Int) {
        pending.append(index)
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
    func anyAils(but index: Int) -> Bool {
        (0..<count).contains { $0 != index && listeners[$0].state.isAiling && listeners[$0].state.phase != .closed }
    }

    /// When the next parked listener is to try again.
    var nextParkEnd: Instant? {
        guard mayHaveParked else { return nil }
        var earliest: Instant?
        for index in 0..<count {
            if case .parked(let until, _) = listeners[index].state.phase { earliest = min(until, earliest ?? until) }
        }
        return earliest
    }

    /// Closes a listener's socket.
    mutating func close(_ index: Int) {
        listeners[index].socket.close()
        pending.removeAll { $0 == index }
        openCount -= 1
    }

    /// Closes every socket, whatever is armed on it.
    func closeAll() {
        for index in 0..<count { listeners[index].socket.close() }
    }
}
