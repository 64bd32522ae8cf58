internal import NBEngine
internal import NBLibc
internal import NBUring

/// The engine for kernels, containers and sandboxes without io_uring: system calls that do not block, made by the loop's thread, and
/// epoll for what has to wait.
///
/// Sends, closes and cancels are carried out when they are submitted; accepts, reads and receives are tried in the next enter. What must wait
/// waits then, so a short connection costs no `epoll_ctl`. A descriptor on which something waits is registered once for input, and again if a
/// send has to wait, edge-triggered: what epoll has told is kept in its ``DescriptorRecord`` until a call finds nothing. A descriptor on which
/// something could go on, but the completion queue was full, stays in a list, since epoll does not tell again.
///
/// ```
///                        ┌─ done ─────────────────────────────────────────────────▶ completions ──▶ batch
///            submit ──▶ call                                                            ▲
///                        └─ may wait ──▶ waiting ◀── nothing there ─┐                   │
///                                           │                       │                   │
///                             epoll's event └──▶ descriptors with work left ── served ──┤
///                                                               ▲                       │
///                                                next enter ────┴── postponed ◀── a run of accepts was filled
/// ```
///
/// Where the contract leaves it to an engine:
///
/// - A close ends what waits on its descriptor with `ECANCELED`, and a disconnection with `ECONNRESET`; a send that has sent something
///   ends with its count.
/// - Listeners and sockets to be connected are made non-blocking (`O_NONBLOCK`) for good.
/// - Accepts and receives are tried when everything else has been carried out, in the order of their descriptors in the list. The one
///   that was served a quantum is last.
///
/// Owned by the loop; made, used and dropped by its thread.
struct EpollEngine: Engine, ~Copyable {
    private(set) var features: EngineFeatures
    private let place = FixedPlace()

    var poll: EventPoll
    var table = DescriptorTable()
    var waiting = WaitingOperations()
    var buffers: BufferPool?
    var completions: GrowingRing<Completion>
    /// Descriptors on which something that waits can go on, each once. One that was closed meanwhile does no harm.
    var ready = GrowingRing<Int32>(capacity: 64)
    /// Listeners whose run of accepts was filled. The next enter puts them behind `ready`, after the loop has served their connections.
    var postponed = GrowingRing<Int32>(capacity: 16)
    /// How many completions there were before something was submitted.
    private var heldCount = 0
    /// What waits may bring so many completions until the queue counts as full.
    var completionLimit = 0
    var pace: AcceptPace
    /// How many enters there were, modulo the type's range.
    private(set) var enterNumber: UInt32 = 0
    /// How often in a row epoll was not asked, because there was something to act on already.
    private var putOffCount = 0
    /// Epoll has told as much as it can at a time, and may have more to tell.
    private var mayHaveEvents = false

    private let receiveBufferCount: Int
    private let receiveBufferSize: Int

    /// Wakes a host that waits elsewhere. A thread that wakes the loop adds to it.
    private var event: Int32?
    private var alarm: AlarmDescriptor?

    /// An engine whose completion queue counts as full when it holds a quantum. It may be to accept connections in runs only.
    init(
        quantum: Int,
        receiveBufferCount: Int,
        receiveBufferSize: Int,
        acceptsInRunsOnly: Bool = false
    ) throws(EngineError) {
        poll = try EventPoll()
        pace = AcceptPace(acceptsInRunsOnly: acceptsInRunsOnly)
        features = EngineFeatures(quantum: quantum, isPrecise: poll.isPrecise)
        completions = GrowingRing(capacity: 4 * quantum)
        self.receiveBufferCount = receiveBufferCount
        self.receiveBufferSize = receiveBufferSize
    }

    var clock: () -> Instant { { .now } }

    @inline(__always)
    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        carryOut(operation, token, silently)
    }

    mutating func enter(until deadline: Instant?) throws(EngineError) {
        enterNumber &+= 1
        completionLimit = completions.count + max(0, features.quantum - heldCount)
        defer { heldCount = completions.count }
        while let listener = postponed.popFirst() { ready.append(listener) }
        serveReady()
        guard !putsPollOff() else { return }
        try pollEvents(nanoseconds: completions.isEmpty ? nanoseconds(to: deadline) : 0)
        serveReady()
    }

    /// With few completions, the loop serves them before epoll is asked. At most four enters in a row, because messages wake the loop through
    /// epoll. Never while the completion queue counts as full: then other descriptors come before the one that filled it.
    private mutating func putsPollOff() -> Bool {
        let hasLittle = !completions.isEmpty && completions.count < min(16, completionLimit)
        let putsOff = hasLittle && putOffCount < 4
        putOffCount = putsOff ? putOffCount + 1 : 0
        return putsOff
    }

    private func nanoseconds(to deadline: Instant?) -> UInt64? {
        guard let deadline else { return nil }
        let now = now
        return deadline > now ? deadline.nanoseconds - now.nanoseconds : 0
    }

    /// Everything is carried out when it is submitted, or waits for the next enter as for epoll's events.
    var hasUnsubmitted: Bool { false }

    /// Nothing that was submitted is ever kept back.
    var retryTime: Instant? { nil }

    var isPending: Bool { !completions.isEmpty || !ready.isEmpty || !postponed.isEmpty || mayHaveEvents }

    /// It submits nothing for itself.
    mutating func completedOwn(_ completion: Completion) {}

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        while !completions.isEmpty, !batch.isFull {
            let run = completions.takeRun(upTo: batch.capacity - batch.count)
            if let start = run.baseAddress { batch.append(start, count: run.count) }
        }
        heldCount = completions.count
    }

    var hasCompletions: Bool { !completions.isEmpty }

    @inline(__always)
    mutating func close(_ descriptor: Int32) {
        pace.noteEnded()
        table.record(descriptor).pointee.reset()
        NBLibc.close(descriptor)
    }

    mutating func close(_ descriptors: Span<Int32>) {
        pace.noteEnded(descriptors.count)
        for index in descriptors.indices { table.record(descriptors[index]).pointee.reset() }
        closeAll(descriptors)
    }

    mutating func forget(_ descriptor: Int32) {
        let record = table.record(descriptor)
        pace.noteEnded()
        if record.pointee.watch != .unwatched { poll.remove(descriptor) }
        record.pointee.reset()
    }

    /// Every close that was submitted has been carried out.
    mutating func abandon() -> [Int32] { [] }
}

// A host that waits elsewhere, for epoll's own descriptor.
extension EpollEngine {
    /// The data of what only wakes the host. No record has such a generation for long, and no descriptor such a number.
    private static let hostData = UInt64.max

    mutating func openDescriptor(wokenBy event: Int32) throws(EngineError) -> Int32 {
        let alarm = try AlarmDescriptor()
        for descriptor in [event, alarm.descriptor] {
            let error = poll.add(descriptor, .input, data: Self.hostData)
            guard error == 0 else { throw .epollLost("epoll_ctl", error) }
        }
        self.alarm = consume alarm
        self.event = event
        return poll.descriptor
    }

    /// An edge that has come already is not told again once its descriptor is not readable, so that epoll's own is not either.
    mutating func rest(until deadline: Instant?) throws(EngineError) {
        let now = now
        try alarm?.set(deadline, now: now)
        if let event { EventDescriptor.clear(event) }
    }

    /// Asks epoll what has come, and notes it.
    private mutating func pollEvents(nanoseconds: UInt64?) throws(EngineError) {
        let count = poll.wait(nanoseconds: nanoseconds)
        guard count >= 0 else {
            // A signal has come; the wait may end early.
            if count == -Int(EINTR) { return }
            throw .epollLost("epoll_wait", Int32(-count))
        }
        mayHaveEvents = count == EventPoll.capacity
        for index in 0..<count where poll.data(index) != Self.hostData {
            noteEvent(poll.kinds(index), poll.data(index))
        }
    }

    private mutating func noteEvent(_ kinds: UInt32, _ data: UInt64) {
        let descriptor = Int32(truncatingIfNeeded: data)
        let record = table.record(descriptor)
        // An event of an earlier owner of the number, whose file is open elsewhere.
        guard record.pointee.generation == UInt32(truncatingIfNeeded: data >> 32) else { return }
        let ends = EventPoll.error | EventPoll.hangUp
        if kinds & (EventPoll.input | EventPoll.urgent | EventPoll.readHangUp | ends) != 0 {
            record.pointee.mayRead = true
        }
        if kinds & (EventPoll.output | ends) != 0 { record.pointee.mayWrite = true }
        if kinds & (EventPoll.urgent | EventPoll.readHangUp | ends) != 0 { record.pointee.hasMoreThanBytes = true }
        listIfReady(record, descriptor)
    }
}

// Receive buffers.
extension EpollEngine {
    mutating func openReceiveBuffers() -> Int32 {
        if buffers == nil { buffers = BufferPool(count: receiveBufferCount, size: receiveBufferSize) }
        return buffers == nil ? ENOMEM : 0
    }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        guard let number = completion.buffer, let memory = buffers?.buffer(number) else { return nil }
        return UnsafeRawBufferPointer(start: memory, count: Int(max(0, completion.result)))
    }

    mutating func returnBuffer(_ number: UInt16) {
        buffers?.give(number)
    }
}

extension EngineFeatures {
    fileprivate init(quantum: Int, isPrecise: Bool) {
        // For what the loop asks a socket about its peer: `tcpi_bytes_acked`. The engine itself uses nothing so new.
        self.init(.epoll, kernel: [4, 1], quantum: quantum)
        acceptsMultishot = true
        receives = true
        receivesMultishot = true
        sendsAtOnce = true
        if isPrecise {
            details = ["waits to the nanosecond"]
        } else {
            reasons = ["epoll_pwait2 (Linux 5.11) is missing or forbidden, so timers are up to a millisecond late"]
        }
    }
}

extension EpollEngine {
    /// The engine that a server's options ask for; with the reason why it is epoll, if that is not the option.
    init(_ options: ServerOptions, because reason: String?) throws(EngineError) {
        try self.init(
            quantum: options.quantum,
            receiveBufferCount: options.receiveBufferCount,
            receiveBufferSize: options.receiveBufferSize,
            // Limits and rules are looked at once for a run; limits for all shards in memory that the shards share.
            acceptsInRunsOnly: options.admission != nil
        )
        if let reason { features.reasons.append(reason) }
    }
}
