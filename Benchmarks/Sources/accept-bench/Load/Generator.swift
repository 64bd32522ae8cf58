import Glibc
import LoopbackClient
import NBEngine
import NBUring

/// Makes connections, all on one ring of this package's own and on one thread, and knows what became of each.
///
/// A client keeps its socket: disconnecting resets the connection and leaves a socket that is connected again, so that a
/// connection costs no system call of its own. Never waits for one connection; the thread sleeps in one place.
///
/// ```
///  turn:  begin those that are due ─▶ submit, wait ─▶ completions ─▶ now and then: time limits, progress
/// ```
struct Generator: ~Copyable {
    enum Kind: UInt8 {
        case connect, send, read, end, cancel
    }

    /// More of an answer is read in several pieces.
    static let room = 512
    /// How often time limits are looked at.
    static let watch = Moment(seconds: 0.05)
    /// So many failures in a row, and there is no point in going on.
    static let failuresToGiveUp = 2000

    /// How many connections that are to be held are on their way at a time, so that no accept queue overflows.
    static let mostBeforeHeld = 256

    let plan: LoadPlan
    var ring: Ring
    private var batch: CompletionBatch
    let slots: UnsafeMutablePointer<ClientSlot>
    let slotCount: Int
    let memory: UnsafeMutablePointer<UInt8>
    let addresses: TargetTable
    private let requests: UnsafeMutableBufferPointer<UInt8>
    private var requestOffsets: [Int] = []
    var paces: [StreamPace] = []
    var results: [StreamResult]

    /// The slots of each stream that have nothing to do.
    var idle: [[Int32]]
    var inFlight = 0
    /// Established and waiting for the others.
    var queued = 0
    var lastConnected: Int32 = -1
    /// In flight in streams that are not in the background.
    var foreground = 0
    var failuresInARow = 0
    var socketsMade = 0
    var isOver = false
    private var isInterrupted = false

    init(_ plan: LoadPlan) throws {
        self.plan = plan
        slotCount = plan.streams.map(\.capacity).reduce(0, +)
        ring = try Ring(RingOptions(submissionDepth: 1024, completionDepth: 8192))
        batch = CompletionBatch(capacity: 1024)
        slots = .allocate(capacity: slotCount)
        slots.initialize(repeating: ClientSlot(), count: slotCount)
        memory = .allocate(capacity: max(1, slotCount * Self.room))
        addresses = TargetTable(plan.streams.map(\.targets))
        results = plan.streams.map { _ in StreamResult() }
        idle = []
        let bytes = plan.streams.flatMap(\.request)
        requests = .allocate(capacity: max(1, bytes.count))
        _ = requests.update(fromContentsOf: bytes)
        var offset = 0
        var first: Int32 = 0
        for (index, stream) in plan.streams.enumerated() {
            requestOffsets.append(offset)
            offset += stream.request.count
            let range = first..<first + Int32(stream.capacity)
            for slot in range { slots[Int(slot)].stream = Int32(index) }
            idle.append(Array(range.reversed()))
            first = range.upperBound
        }
    }

    deinit {
        for index in 0..<slotCount where slots[index].descriptor >= 0 { close(slots[index].descriptor) }
        // Not the memory of the answers if the run was cut short: the kernel may be about to write to it.
        if inFlight == 0 { memory.deallocate() }
        requests.deallocate()
        slots.deallocate()
    }

    /// Runs the whole plan.
    mutating func run() throws -> LoadResult {
        let start = Moment.now()
        let cpu = Moment.ofThread()
        let end = start + Moment(seconds: plan.seconds)
        let giveUp = end + Moment(seconds: plan.patience + 2)
        paces = plan.streams.map { StreamPace($0, from: start, until: end) }
        TimerSlack.set(1)
        // Servers that are started later inherit it.
        defer { TimerSlack.set(0) }

        var now = start
        var begun = start
        var nextWatch = start + Self.watch
        while !isFinished(now) {
            begun = now
            try begin(now)
            try waitForCompletions(now, until: nextWatch)
            try answerCompletions()
            now = Moment.now()
            try readQueued()
            guard now >= nextWatch else { continue }
            nextWatch = now + Self.watch
            try enforceLimits(now)
            isInterrupted = try plan.isInterrupted(now.since(start))
            guard now < giveUp, !isInterrupted else { break }
        }
        // Those that were not due when connections began last are not owed.
        if isInterrupted { for index in paces.indices { paces[index].cut(begun) } }
        accountForTheRest()
        let seconds = Moment.now().since(start).seconds
        let used = Moment.ofThread().since(cpu).seconds
        try plan.whenHeld?()
        return LoadResult(
            streams: results,
            seconds: seconds,
            generatorCPU: used,
            isInterrupted: isInterrupted
        )
    }

    /// Everything that is not in the background has begun and ended.
    private mutating func isFinished(_ now: Moment) -> Bool {
        guard foreground == 0, queued == 0 else { return false }
        if failuresInARow >= Self.failuresToGiveUp { isOver = true }
        for (index, stream) in plan.streams.enumerated() where !stream.isBackground {
            guard isOver || !paces[index].hasMore(now) else { return false }
        }
        // Those in the background begin no more, and end.
        isOver = true
        return inFlight == 0
    }

    private mutating func accountForTheRest() {
        for index in plan.streams.indices { results[index].ledger.unstarted = paces[index].overdue }
        for index in 0..<slotCount {
            let stream = Int(slots[index].stream)
            switch slots[index].state {
            case .connecting, .waiting, .queued:
                if isInterrupted { results[stream].ledger.cutOff += 1 } else { results[stream].ledger.timedOut += 1 }
            case .cancelled: results[stream].ledger.timedOut += 1
            case .idle, .held: break
            }
        }
    }

    private mutating func waitForCompletions(_ now: Moment, until watch: Moment) throws {
        var wake = watch
        if !isOver {
            for index in paces.indices where !idle[index].isEmpty { wake = min(wake, paces[index].nextDue(now)) }
        }
        let patience = wake.since(now)
        // Sleeping less than the kernel's own imprecision would make connections late.
        if patience < 30_000 {
            try ring.submit(.poll)
        } else {
            try ring.submit(.forCompletionOr(.nanoseconds(Int64(patience))))
        }
    }

    private mutating func answerCompletions() throws {
        repeat {
            batch.removeAll()
            ring.takeCompletions(into: &batch)
            for index in 0..<batch.count { try answer(batch[index]) }
        } while batch.isFull
    }

    /// Prepares an operation; submits when there is no room.
    mutating func ask(_ operation: Operation, _ kind: Kind, _ slot: Int32, silently: Bool = false) throws {
        let token = Token(kind: kind.rawValue, generation: slots[Int(slot)].generation, slot: UInt32(slot))
        while !ring.prepare(operation, token: token, silently: silently) { try ring.submit() }
    }

    func request(of stream: Int) -> Operation.Bytes? {
        let count = plan.streams[stream].request.count
        guard count > 0, let base = requests.baseAddress else { return nil }
        return Operation.Bytes(base + requestOffsets[stream], count: count)
    }
}
