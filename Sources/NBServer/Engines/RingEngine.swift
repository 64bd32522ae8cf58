internal import NBEngine
internal import NBLibc
internal import NBUring

/// The engine of production: an io_uring, made and used by the loop's thread.
struct RingEngine: Engine, ~Copyable {
    private var ring: Ring
    private let options: RingOptions

    /// What did not fit into the submission queue, in its order; while there is any, the submission queue is full. Bounded by what the
    /// loop may have in flight: a few operations for each connection and listener.
    private var backlog: [Submission] = []

    /// When a kernel that was short of memory is asked again.
    private(set) var retryTime: Instant?

    /// The error that ended the ring; thrown by the next ``enter(until:)``.
    private var failure: RingError?

    private enum Submission {
        case operation(Operation, Token, silently: Bool)
        case bufferReturn(UInt16)
    }

    /// What a host waits for that waits elsewhere: the kernel adds to it, and so does a thread that wakes the loop.
    private var event: Int32?
    /// When the ring's alarm goes off, or went.
    private var alarm: Instant?

    /// The buffers to receive into, made when they are first wanted.
    private let receiveBufferCount: Int
    private let receiveBufferSize: Int

    private(set) var features: EngineFeatures

    init(_ options: RingOptions, receiveBufferCount: Int, receiveBufferSize: Int) throws(EngineError) {
        do {
            ring = try Ring(options)
            self.options = options
        } catch {
            throw EngineError(error)
        }
        features = EngineFeatures(ring.features)
        self.receiveBufferCount = receiveBufferCount
        self.receiveBufferSize = receiveBufferSize
    }

    var clock: () -> Instant { { .now } }

    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        if ring.prepare(operation, token: token, silently: silently) { return }
        submitInFullQueue(operation, token, silently)
    }

    mutating func enter(until deadline: Instant?) throws(EngineError) {
        do {
            try submitAndWait(until: deadline)
        } catch {
            throw EngineError(error)
        }
    }

    private mutating func submitAndWait(until deadline: Instant?) throws(RingError) {
        if let failure { throw failure }
        if !backlog.isEmpty { try handOverBacklog() }
        guard backlog.isEmpty, try ring.submit(waitMode(until: deadline)) != .congested else {
            return try pause(until: deadline)
        }
        retryTime = nil
    }

    private func waitMode(until deadline: Instant?) -> Ring.Wait {
        guard let deadline else { return .forCompletion }
        let limit = now.duration(to: deadline)
        return limit == .zero ? .poll : .forCompletionOr(limit)
    }

    var hasUnsubmitted: Bool { ring.hasUnsubmitted || !backlog.isEmpty }

    var isPending: Bool { ring.hasCompletions || ring.hasPendingWork }

    mutating func openDescriptor(wokenBy event: Int32) throws(EngineError) -> Int32 {
        do {
            try makeRingTellEvents()
            try ring.register(event: event)
        } catch {
            throw EngineError(error)
        }
        self.event = event
        return event
    }

    /// A kernel that tells of deferred work only once makes the host deaf: there the ring does without it.
    private mutating func makeRingTellEvents() throws(RingError) {
        guard ring.features.level >= .linux6_1, try !ring.tellsEvents() else { return }
        var options = options
        options.highestLevel = .linux6_0
        ring = try Ring(options)
        let reasons = features.reasons
        features = EngineFeatures(ring.features)
        features.reasons = reasons + ["this kernel tells a host of deferred work only once"]
    }

    /// An alarm that is too early is left, and costs one turn. An earlier deadline moves the alarm.
    mutating func rest(until deadline: Instant?) throws(EngineError) {
        if let deadline {
            let isSet = alarm.map { $0 > now } ?? false
            if !isSet || deadline < alarm ?? deadline { try setAlarm(deadline, isMoved: isSet) }
        }
        if let event { EventDescriptor.clear(event) }
    }

    private mutating func setAlarm(_ instant: Instant, isMoved: Bool) throws(EngineError) {
        // A kernel that takes nothing more is entered again soon.
        guard backlog.isEmpty, ring.prepareAlarm(at: instant.nanoseconds, isMoved: isMoved) else { return }
        alarm = instant
        try enter(until: now)
    }

    /// An alarm that the kernel had no memory for, or that had gone off before it was moved, is set anew before the next rest. One that is
    /// forbidden would be so again: it ends the ring.
    mutating func completedOwn(_ completion: Completion) {
        guard completion.token == .alarm || completion.token == .movedAlarm else { return }
        switch -completion.result {
        case ...0, ETIME: break
        case EACCES, EPERM, EINVAL, EOPNOTSUPP: failure = RingError.operation("timeout", -completion.result)
        default: alarm = nil
        }
    }

    @inline(__always)
    mutating func close(_ descriptor: Int32) {
        NBLibc.close(descriptor)
    }

    mutating func close(_ descriptors: Span<Int32>) { closeAll(descriptors) }

    /// A ring keeps nothing of a socket on which nothing is in flight.
    mutating func forget(_ descriptor: Int32) {}

    mutating func abandon() -> [Int32] {
        ring.keepReceiveBuffers()
        return ring.unsubmittedCloses
            + backlog.compactMap { if case .operation(.close(let descriptor), _, _) = $0 { descriptor } else { nil } }
    }

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        ring.takeCompletions(into: &batch)
    }

    var hasCompletions: Bool { ring.hasCompletions }

    @inline(__always)
    mutating func openReceiveBuffers() -> Int32 { ring.hasReceiveBuffers ? 0 : makeReceiveBuffers() }

    @inline(never)
    private mutating func makeReceiveBuffers() -> Int32 {
        do {
            try ring.openReceiveBuffers(count: receiveBufferCount, size: receiveBufferSize)
        } catch {
            return error.errno
        }
        if !ring.features.sharesBuffers { for number in 0..<receiveBufferCount { returnBuffer(UInt16(number)) } }
        return 0
    }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        ring.received(completion)
    }

    mutating func returnBuffer(_ number: UInt16) {
        if !ring.returnBuffer(number) { keepBack(.bufferReturn(number)) }
    }
}

// A submission queue that is full, and a kernel that is short of memory.
extension RingEngine {
    /// How long such a kernel is given.
    private static let pause = Duration.milliseconds(1)

    // Kept out of the way of the usual case.
    @inline(never)
    private mutating func submitInFullQueue(_ operation: Operation, _ token: Token, _ silently: Bool) {
        keepBack(.operation(operation, token, silently: silently))
    }

    private mutating func keepBack(_ submission: Submission) {
        backlog.append(submission)
        do {
            try handOverBacklog()
        } catch {
            failure = error
        }
    }

    /// Hands over what the submission queue holds until the backlog fits into it, or the kernel takes no more.
    private mutating func handOverBacklog() throws(RingError) {
        while !backlog.isEmpty {
            guard failure == nil, try ring.submit() != .congested else { return }
            refill()
        }
    }

    private mutating func refill() {
        var count = 0
        while count < backlog.count, prepare(backlog[count]) { count += 1 }
        backlog.removeFirst(count)
    }

    private mutating func prepare(_ submission: Submission) -> Bool {
        switch submission {
        case .operation(let operation, let token, let silently):
            ring.prepare(operation, token: token, silently: silently)
        case .bufferReturn(let number): ring.returnBuffer(number)
        }
    }

    /// The kernel takes nothing more. It wants its completions taken first, or else some time: what is in flight may complete
    /// meanwhile.
    private mutating func pause(until deadline: Instant?) throws(RingError) {
        let retry = now + Self.pause
        retryTime = retry
        guard !ring.hasCompletions, deadline.map({ $0 > now }) ?? true else { return }
        try ring.wait(for: now.duration(to: min(retry, deadline ?? retry)))
    }
}

extension EngineFeatures {
    fileprivate init(_ ring: RingFeatures) {
        self.init(.ring, kernel: ring.level.version, quantum: ring.completionDepth)
        acceptsMultishot = ring.acceptsMultishot
        receives = ring.receives
        receivesMultishot = ring.receivesMultishot
        // Earlier kernels forget what was sent of bytes that did not fit.
        sendsAtOnce = ring.completesSilently && ring.level >= .linux6_1
        details = ring.details
        reasons = ring.reasons
    }
}

extension EngineError {
    init(_ error: RingError) {
        self.init(operation: error.operation, errno: error.errno, advice: error.advice)
    }
}

extension RingEngine {
    /// The ring that a server's options ask for; with the reason why it is a ring, if that is not the option.
    init(_ options: ServerOptions, because reason: String? = nil) throws(EngineError) {
        try self.init(
            RingOptions(options),
            receiveBufferCount: options.receiveBufferCount,
            receiveBufferSize: options.receiveBufferSize
        )
        if let reason { features.reasons.append(reason) }
    }
}

extension RingOptions {
    /// The ring that a server's options ask for.
    fileprivate init(_ options: ServerOptions) {
        self.init(submissionDepth: options.engine.submissionDepth, completionDepth: options.quantum)
        guard let newest = options.engine.newestKernel else { return }
        let level = KernelLevel.allCases.last { KernelVersion($0.version[0], $0.version[1]) <= newest }
        highestLevel = level ?? highestLevel
    }
}
