internal import NBLibc
package import NBUring

/// The engine of production: an io_uring, made and used by the loop's thread.
package struct RingEngine: Engine, ~Copyable {
    private var ring: Ring

    /// What did not fit into the submission queue, in its order; while there is any, the submission queue is full. Bounded by what the
    /// loop may have in flight: a few operations for each connection and listener.
    private var backlog: [Submission] = []

    /// When a kernel that was short of memory is asked again.
    package private(set) var retryTime: Instant?

    /// The error that ended the ring; thrown by the next ``enter(until:)``.
    private var failure: RingError?

    private enum Submission {
        case operation(Operation, Token, silently: Bool)
        case bufferReturn(UInt16)
    }

    /// What a host waits for that waits elsewhere: the kernel adds to it, and so does who wakes the loop.
    private var event: Int32?
    /// When the ring's alarm goes off, or went.
    private var alarm: Instant?

    /// The descriptor set aside.
    private var reserve: EventDescriptor?

    /// The buffers to receive into, made when they are first wanted.
    private let receiveBufferCount: Int
    private let receiveBufferSize: Int

    package init(_ options: RingOptions, receiveBufferCount: Int, receiveBufferSize: Int) throws(RingError) {
        ring = try Ring(options)
        self.receiveBufferCount = receiveBufferCount
        self.receiveBufferSize = receiveBufferSize
    }

    package var features: RingFeatures { ring.features }

    package var clock: () -> Instant { { .now } }

    package mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        if ring.prepare(operation, token: token, silently: silently) { return }
        submitInFullQueue(operation, token, silently)
    }

    package mutating func enter(until deadline: Instant?) throws(RingError) {
        if let failure { throw failure }
        try handOverBacklog()
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

    package var hasUnsubmitted: Bool { ring.hasUnsubmitted || !backlog.isEmpty }

    package var isPending: Bool { ring.hasCompletions || ring.hasPendingWork }

    package mutating func openDescriptor(wokenBy event: Int32) throws(RingError) -> Int32 {
        try ring.register(event: event)
        self.event = event
        return event
    }

    /// An alarm that is too early costs a turn, and one more that is too late cannot be: it is moved.
    package mutating func rest(until deadline: Instant?) throws(RingError) {
        if let deadline {
            let isSet = alarm.map { $0 > now } ?? false
            if !isSet || deadline < alarm ?? deadline { try setAlarm(deadline, isMoved: isSet) }
        }
        if let event { EventDescriptor.clear(event) }
    }

    private mutating func setAlarm(_ instant: Instant, isMoved: Bool) throws(RingError) {
        // A kernel that takes nothing more is entered again soon.
        guard backlog.isEmpty, ring.prepareAlarm(at: instant.nanoseconds, isMoved: isMoved) else { return }
        alarm = instant
        try enter(until: now)
    }

    package mutating func abandon() -> [Int32] {
        ring.keepReceiveBuffers()
        return ring.unsubmittedCloses
            + backlog.compactMap { if case .operation(.close(let descriptor), _, _) = $0 { descriptor } else { nil } }
    }

    package mutating func takeCompletions(into batch: inout CompletionBatch) {
        ring.takeCompletions(into: &batch)
    }

    package var hasCompletions: Bool { ring.hasCompletions }

    package mutating func openReceiveBuffers() -> Bool {
        guard !ring.hasReceiveBuffers else { return true }
        do {
            try ring.openReceiveBuffers(count: receiveBufferCount, size: receiveBufferSize)
        } catch {
            return false
        }
        if !features.sharesBuffers { for number in 0..<receiveBufferCount { returnBuffer(UInt16(number)) } }
        return true
    }

    package func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        ring.received(completion)
    }

    package mutating func returnBuffer(_ number: UInt16) {
        if !ring.returnBuffer(number) { keepBack(.bufferReturn(number)) }
    }

    /// `shutdown(2)` does not block on a TCP socket. As an operation of the ring it would: the kernel gives it to a
    /// worker thread, where it may run after a close submitted behind it.
    package mutating func finishOutput(of descriptor: Int32) {
        NBLibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// With a linger time above zero a close waits for the peer, and the ring's would do that on the loop's thread.
    package mutating func forgetLinger(of descriptor: Int32) {
        NBServer.forgetLinger(of: descriptor)
    }

    package func peerState(of descriptor: Int32) -> PeerState { PeerState(of: descriptor) }

    package func isPlainTCP(_ descriptor: Int32) -> Bool {
        ForeignSocket.isPlainTCP(descriptor)
    }

    /// For a socket that listens, the kernel gives the length of its queue where it otherwise gives what is unacknowledged.
    @inline(never)
    package func queueLength(of listener: Int32) -> Int {
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(listener, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return 0 }
        return Int(info.tcpi_unacked)
    }

    @inline(never)
    package mutating func takeReserve() -> Bool {
        if reserve == nil { reserve = try? EventDescriptor() }
        return reserve != nil
    }

    @inline(never)
    package mutating func giveReserve() -> Bool {
        reserve.take() != nil
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
