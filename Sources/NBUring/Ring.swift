internal import CLiburing
public import NBEngine
internal import NBLibc
internal import Synchronization

/// One io_uring instance: a submission queue, a completion queue, and the descriptor between them.
///
/// Used by one thread, the one that made it; submitting on another throws, and dropping it
/// there traps. That thread must also outlive the ring's operations: what it has armed is cancelled when it exits.
///
/// ```
///  prepare ──▶ submission queue ──submit──▶ kernel ──▶ completion queue ──takeCompletions──▶ batch
/// ```
///
/// Dropping a ring does not close descriptors that wait in its completion queue: cancel what is armed and take every
/// last completion first.
public struct Ring: ~Copyable {
    /// What the ring has in use.
    public let features: RingFeatures

    // On the heap because liburing wants one address for the ring's whole life.
    private let ring: UnsafeMutablePointer<io_uring>
    private let noAddress: UnsafeMutablePointer<sockaddr>
    /// Read by the kernel when the alarm is submitted.
    private let alarmTime: UnsafeMutablePointer<__kernel_timespec>
    // Every ring's, at hand because asking whether it is made yet would cost every operation six instructions.
    private let discardedBytes = Operation.discardedBytes

    // The ring's own, at hand because every operation needs them: the entries, the mask that makes an entry's place of its
    // number, and how many the kernel has taken.
    private let entries: UnsafeMutablePointer<io_uring_sqe>
    private let mask: UInt32
    private let takenCount: UnsafeMutablePointer<UInt32>
    /// How the kernel is entered to wait.
    private let waitFlags: UInt32
    /// What makes an operation complete only if it fails, where the kernel can.
    private let silentFlag: UInt8

    private let owner = pthread_self()
    private let place = FixedPlace()
    // Unmapped after the ring's end below, when the kernel does not write to them any more.
    private var buffers: ReceiveBuffers?

    /// Makes a ring for the calling thread.
    ///
    /// Takes up to a second when the locked-memory limit is reached: the kernel frees the rings of others late.
    /// `io_uring_setup(2)`, Linux 5.11.
    ///
    /// - Throws: ``RingError`` with cause and cure when io_uring is absent, forbidden, or short of memory.
    public init(_ options: RingOptions = RingOptions()) throws(RingError) {
        try self.init(RingSetup(options))
    }

    /// The same by a set-up that may take the kernel for another one.
    init(_ setup: RingSetup) throws(RingError) {
        let (ring, features) = try setup.run()
        self.ring = ring
        noAddress = .allocate(capacity: 1)
        noAddress.initialize(to: sockaddr())
        alarmTime = .allocate(capacity: 1)
        alarmTime.initialize(to: __kernel_timespec())
        self.features = features
        entries = ring.pointee.sq.sqes
        mask = ring.pointee.sq.ring_mask
        takenCount = ring.pointee.sq.khead
        waitFlags =
            IORING_ENTER_GETEVENTS | (features.registersDescriptor ? IORING_ENTER_REGISTERED_RING : 0)
            | (features.waitsOutsideIOWait ? KernelFlag.enterWithoutIOWait : 0)
        silentFlag = features.completesSilently ? UInt8(NB_SERVER_CQE_SKIP_SUCCESS) : 0
    }

    deinit {
        // Elsewhere the number of the registered ring means another ring, which would be let go of instead.
        precondition(pthread_self() == owner, "a ring is dropped by the thread that made it")
        ring.end()
        ring.deallocate()
        noAddress.deallocate()
        alarmTime.deallocate()
    }

    /// Writes an operation into the submission queue; the kernel sees it at the next ``submit(_:)``.
    ///
    /// - Parameters:
    ///   - operation: what to do. Memory it names must stay where it is until its last completion.
    ///   - token: comes back with each of its completions.
    ///   - silently: completes only if it fails, where the kernel can (``RingFeatures/completesSilently``); elsewhere it
    ///     completes in any case.
    /// - Returns: `false` when the submission queue is full: submit, then try again.
    public mutating func prepare(_ operation: Operation, token: Token, silently: Bool = false) -> Bool {
        // What io_uring_get_sqe(3) does, for the one kind of ring that this is: its entries have the usual size, and the
        // kernel takes them only when it is entered.
        let number = ring.pointee.sq.sqe_tail
        guard number &- takenCount.pointee <= mask else { return false }
        ring.pointee.sq.sqe_tail = number &+ 1
        let entry = entries + Int(number & mask)
        operation.prepare(
            entry,
            noAddress: noAddress,
            discardedBytes: discardedBytes,
            bufferSize: buffers?.size ?? 0,
            pollsFirst: features.level >= .linux5_19
        )
        io_uring_sqe_set_data64(entry, token.rawValue)
        if silently { entry.pointee.flags |= silentFlag }
        return true
    }

    /// How long a submission stays in the kernel.
    public enum Wait: Hashable, Sendable {
        /// Not at all, and completion work is left for later.
        case none
        /// No longer than the completion work that is due takes.
        case poll
        /// Until there is a completion.
        case forCompletion
        /// Until there is a completion, or this time has passed; a day at the most.
        case forCompletionOr(Duration)
    }

    /// What came of a submission.
    public enum Submission: Hashable, Sendable {
        /// What was prepared was submitted, or there was nothing and the wait succeeded. On the level ``KernelLevel/linux5_11`` an entry
        /// that is refused ends the submission, and what was prepared behind it goes with the next.
        case done
        /// A signal or the time limit ended the wait, and there was nothing to submit.
        case interrupted
        /// The kernel is out of memory for requests, or wants completions taken first; take them and submit again.
        case congested
    }

    /// Hands everything prepared to the kernel, and waits as asked: at most one system call. `io_uring_enter(2)`.
    ///
    /// - Throws: ``RingError`` when the kernel refuses the ring itself, which is final, or the calling thread did not make it.
    @discardableResult
    public mutating func submit(_ wait: Wait = .none) throws(RingError) -> Submission {
        // The kernel would not always notice: the number of a registered ring means another ring on another thread.
        guard pthread_self() == owner else { throw RingError.enter(EEXIST) }
        let result =
            switch wait {
            case .none: io_uring_submit(ring)
            case .poll: io_uring_submit_and_get_events(ring)
            case .forCompletion: enter(waitFlags, nil, 0)
            case .forCompletionOr(let limit): submitAndWait(limit)
            }
        return try Self.outcome(of: result)
    }

    private static func outcome(of result: Int32) throws(RingError) -> Submission {
        guard result < 0 else { return .done }
        switch -result {
        case EINTR, ETIME: return .interrupted
        case EAGAIN, EBUSY: return .congested
        default: throw RingError.enter(-result)
        }
    }

    /// The longest wait. The kernel takes a time of 292 years or more for one that has passed, and returns at once, always.
    private static let longestWait = Duration.seconds(24 * 60 * 60)

    private func submitAndWait(_ limit: Duration) -> Int32 {
        withArgument(limit) { enter(waitFlags | IORING_ENTER_EXT_ARG, $0, $1) }
    }

    /// A time limit as `io_uring_enter(2)` takes it.
    private func withArgument(_ limit: Duration, _ enter: (UnsafeMutablePointer<sigset_t>, Int) -> Int32) -> Int32 {
        let (seconds, attoseconds) = max(.zero, min(limit, Self.longestWait)).components
        var time = __kernel_timespec(tv_sec: seconds, tv_nsec: attoseconds / 1_000_000_000)
        return withUnsafePointer(to: &time) { time in
            var argument = io_uring_getevents_arg()
            argument.ts = UInt64(UInt(bitPattern: time))
            return withUnsafeMutablePointer(to: &argument) { argument in
                // The parameter is a signal mask or, with this flag, more than that.
                argument.withMemoryRebound(to: sigset_t.self, capacity: 1) {
                    enter($0, MemoryLayout<io_uring_getevents_arg>.size)
                }
            }
        }
    }

    /// Waits until there is a completion, or this time has passed, and submits nothing. `io_uring_enter(2)`.
    ///
    /// - Throws: ``RingError`` as ``submit(_:)`` does.
    public mutating func wait(for limit: Duration) throws(RingError) {
        guard pthread_self() == owner else { throw RingError.enter(EEXIST) }
        let result = withArgument(limit) { enter(submitting: 0, waitFlags | IORING_ENTER_EXT_ARG, $0, $1) }
        // Whichever way the wait ended, the completions tell.
        _ = try Self.outcome(of: result)
    }

    /// Whether something prepared is not the kernel's yet.
    public var hasUnsubmitted: Bool { ring.pointee.sq.sqe_tail != takenCount.pointee }

    /// Whether the kernel has completion work, or completions beside a full queue, for a submission that waits or polls. No system
    /// call. Completion work shows from the level ``KernelLevel/linux5_19`` on (`IORING_SETUP_TASKRUN_FLAG`).
    public var hasPendingWork: Bool {
        let flags = UnsafeMutableRawPointer(ring.pointee.sq.kflags).assumingMemoryBound(to: Atomic<UInt32>.self)
        return flags.pointee.load(ordering: .acquiring) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW) != 0
    }

    /// Submits, and waits for a completion. liburing has no call that waits with flags of one's own.
    private func enter(_ flags: UInt32, _ argument: UnsafeMutablePointer<sigset_t>?, _ size: Int) -> Int32 {
        let tail = ring.pointee.sq.sqe_tail
        ring.pointee.sq.sqe_head = tail
        let shared = UnsafeMutableRawPointer(ring.pointee.sq.ktail).assumingMemoryBound(to: Atomic<UInt32>.self)
        shared.pointee.store(tail, ordering: .releasing)
        return enter(submitting: tail &- takenCount.pointee, flags, argument, size)
    }

    private func enter(
        submitting count: UInt32,
        _ flags: UInt32,
        _ argument: UnsafeMutablePointer<sigset_t>?,
        _ size: Int
    ) -> Int32 {
        io_uring_enter2(UInt32(bitPattern: ring.pointee.enter_ring_fd), count, 1, flags, argument, size)
    }

    /// The descriptors whose closing was prepared and is not the kernel's yet: still open, should the ring be lost.
    public var unsubmittedCloses: [Int32] {
        let queue = ring.pointee.sq
        var position = queue.khead.pointee
        var descriptors: [Int32] = []
        while position != queue.sqe_tail {
            let entry = queue.sqes[Int(position & queue.ring_mask)]
            if entry.opcode == UInt8(IORING_OP_CLOSE.rawValue) { descriptors.append(entry.fd) }
            position &+= 1
        }
        return descriptors
    }

    /// Whether completions wait in the ring, or beside it because it is full. No system call.
    public var hasCompletions: Bool { io_uring_cq_ready(ring) > 0 || io_uring_cq_has_overflow(ring) }

    /// Copies completions out of the ring, as many as there are and as fit, and frees their places for the kernel.
    ///
    /// No system call. On the level ``KernelLevel/linux6_1`` completions appear only during a submission that waits or polls.
    public mutating func takeCompletions(into batch: inout CompletionBatch) {
        let queue = ring.pointee.cq
        let count = min(Int(io_uring_cq_ready(ring)), batch.capacity - batch.count)
        let first = Int(queue.khead.pointee & queue.ring_mask)
        // The queue is a circle: a run to its end, then another from its beginning.
        let run = min(count, Int(queue.ring_entries) - first)
        let entries = UnsafeRawPointer(queue.cqes).assumingMemoryBound(to: Completion.self)
        batch.append(entries + first, count: run)
        if run < count { batch.append(entries, count: count - run) }
        io_uring_cq_advance(ring, UInt32(truncatingIfNeeded: count))
    }
}

// For callers that wait elsewhere.
extension Ring {
    /// Has the kernel add to an event descriptor when it has completion work and had none before, and when it has completed
    /// something. The descriptor stays the caller's. `io_uring_register_eventfd(3)`.
    ///
    /// Another event descriptor whose counter the ring reads tells it badly: a write to that one signals this one only after a grace
    /// period of RCU, and no more than once (Linux 6.18, on the level ``KernelLevel/linux6_1``). Write to this one instead.
    ///
    /// - Throws: ``RingError`` when the kernel is short of memory, or the ring has such a descriptor.
    public mutating func register(event descriptor: Int32) throws(RingError) {
        let result = io_uring_register_eventfd(ring, descriptor)
        guard result == 0 else { throw .register("io_uring_register_eventfd", -result) }
    }

    /// The descriptor is told no more. `io_uring_unregister_eventfd(3)`.
    mutating func unregisterEvent() {
        io_uring_unregister_eventfd(ring)
    }

    /// Prepares something that completes with `ETIME` at a time of `CLOCK_MONOTONIC`, with ``Token/alarm``; there may be one at a
    /// time. `io_uring_prep_timeout(3)`, `io_uring_prep_timeout_update(3)`, Linux 5.11.
    ///
    /// - Parameters:
    ///   - nanoseconds: when.
    ///   - isMoved: there is one, which is to complete then instead. The move completes only if it fails, because the alarm has
    ///     gone off meanwhile, where the kernel can (``RingFeatures/completesSilently``).
    /// - Returns: `false` when the submission queue is full: submit, then try again.
    public mutating func prepareAlarm(at nanoseconds: UInt64, isMoved: Bool) -> Bool {
        guard let entry = io_uring_get_sqe(ring) else { return false }
        let second: UInt64 = 1_000_000_000
        alarmTime.pointee = __kernel_timespec(
            tv_sec: Int64(nanoseconds / second),
            tv_nsec: Int64(nanoseconds % second)
        )
        if isMoved {
            io_uring_prep_timeout_update(entry, alarmTime, Token.alarm.rawValue, UInt32(IORING_TIMEOUT_ABS))
            io_uring_sqe_set_data64(entry, Token.movedAlarm.rawValue)
            entry.pointee.flags |= silentFlag
        } else {
            io_uring_prep_timeout(entry, alarmTime, 0, UInt32(IORING_TIMEOUT_ABS))
            io_uring_sqe_set_data64(entry, Token.alarm.rawValue)
        }
        return true
    }
}

// Receiving.
extension Ring {
    /// Makes buffers to receive into, once; a ring without them can receive nothing, and one that has some keeps those.
    ///
    /// Where buffers are shared with the kernel (``RingFeatures/sharesBuffers``), the kernel has all of them then; elsewhere each is
    /// given by ``returnBuffer(_:)``. `io_uring_register_buf_ring(3)`.
    ///
    /// - Parameters:
    ///   - count: how many; a power of two, 32,768 at the most.
    ///   - size: how many bytes each holds, from 1 to 2 GiB less one.
    /// - Throws: ``RingError`` when there cannot be so many or such buffers, or the kernel is short of memory, or of memory that
    ///   may be locked; with `EOPNOTSUPP` where a receive that waits would hold a buffer (``RingFeatures/receives``).
    public mutating func openReceiveBuffers(count: Int, size: Int) throws(RingError) {
        guard buffers == nil else { return }
        guard features.receives else { throw .register("io_uring_prep_provide_buffers", EOPNOTSUPP) }
        var buffers = try ReceiveBuffers(count: count, size: size)
        if features.sharesBuffers { try buffers.share(with: ring) }
        self.buffers = consume buffers
    }

    /// Whether there are buffers to receive into.
    public var hasReceiveBuffers: Bool { buffers != nil }

    /// Leaves the memory of the receive buffers to the kernel for good: for a ring that has failed with receives in flight, to which
    /// the kernel may go on writing when the ring is gone.
    public mutating func keepReceiveBuffers() {
        buffers?.keep()
    }

    /// The bytes a receive has completed with, until its buffer is returned; `nil` if it took none.
    public func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        guard let number = completion.buffer, let memory = buffers?.buffer(number) else { return nil }
        return UnsafeRawBufferPointer(start: memory, count: max(0, Int(completion.result)))
    }

    /// Gives a buffer back to the kernel. Where that takes an operation, it completes with ``Token/bufferReturn(_:)``. If that
    /// completion is an error, the kernel has not got the buffer: give it back again, some time later.
    ///
    /// - Returns: `false` when the submission queue is full: submit, then try again.
    public mutating func returnBuffer(_ number: UInt16) -> Bool {
        precondition(number < buffers?.count ?? 0, "there is no receive buffer \(number)")
        guard features.sharesBuffers else { return prepareReturn(of: number) }
        buffers?.give(number)
        return true
    }

    private mutating func prepareReturn(of number: UInt16) -> Bool {
        guard let memory = buffers?.buffer(number), let size = buffers?.size else { return true }
        guard let entry = io_uring_get_sqe(ring) else { return false }
        let group = Int32(ReceiveBuffers.group)
        io_uring_prep_provide_buffers(entry, memory, Int32(size), 1, group, Int32(number))
        io_uring_sqe_set_data64(entry, Token.bufferReturn(number).rawValue)
        return true
    }
}
