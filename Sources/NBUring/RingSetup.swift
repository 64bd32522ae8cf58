internal import CLiburing
internal import NBEngine
internal import NBLibc
internal import Synchronization

/// Tries one level of io_uring after the other, from the highest down, until the kernel grants a ring; writes down what it got.
struct RingSetup {
    private let options: RingOptions
    /// What is taken for the kernel's facts, of what they are.
    private let pretending: (KernelFacts) -> KernelFacts

    init(_ options: RingOptions, pretending: @escaping (KernelFacts) -> KernelFacts = { $0 }) {
        self.options = options
        self.pretending = pretending
    }

    /// Whether completions can be copied out as they are, and scattered bytes be handed in.
    private static var layoutsAgree: Bool {
        MemoryLayout<Operation.Bytes.Header>.stride == MemoryLayout<msghdr>.stride
            && MemoryLayout<Operation.Bytes.Header>.offset(of: \.parts) == MemoryLayout<msghdr>.offset(of: \.msg_iov)
            && MemoryLayout<Operation.Bytes.Header>.offset(of: \.partCount)
                == MemoryLayout<msghdr>.offset(of: \.msg_iovlen)
            && MemoryLayout<Operation.Bytes.Part>.size == MemoryLayout<iovec>.size
            && MemoryLayout<Completion>.size == MemoryLayout<io_uring_cqe>.size
            && MemoryLayout<Completion>.offset(of: \.result) == MemoryLayout<io_uring_cqe>.offset(of: \.res)
            && MemoryLayout<Completion>.offset(of: \.flags) == MemoryLayout<io_uring_cqe>.offset(of: \.flags)
            && Completion.moreFlag == IORING_CQE_F_MORE
            && Completion.bufferFlag == IORING_CQE_F_BUFFER
            && Completion.bufferShift == UInt32(IORING_CQE_BUFFER_SHIFT)
    }

    func run() throws(RingError) -> (UnsafeMutablePointer<io_uring>, RingFeatures) {
        assert(Self.layoutsAgree, "an engine's words do not have the kernel's layouts")
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        ring.initialize(to: io_uring())
        var isReady = false
        defer {
            if !isReady { ring.deallocate() }
        }
        var (level, parameters) = try makeRing(ring, options.highestLevel)
        _ = endedRings.load(ordering: .acquiring)
        let facts = pretending(KernelFacts(of: ring, features: parameters.features))
        guard facts.hasWhatARingNeeds else {
            ring.end()
            throw .tooOld
        }
        let isUnsound = level == .linux6_1 && !facts.defersWorkSoundly
        if isUnsound {
            ring.end()
            (level, parameters) = try makeRing(ring, .linux6_0)
        }
        // A forked child must not share the queues: both would advance them.
        _ = io_uring_ring_dontfork(ring)
        var features = RingFeatures(
            level: level,
            submissionDepth: Int(parameters.sq_entries),
            completionDepth: Int(parameters.cq_entries)
        )
        if isUnsound {
            features.reasons.append("before Linux 6.8 deferred work may give an accept a wrong descriptor")
        }
        report(ring, facts, &features)
        do {
            try ring.prove()
        } catch {
            ring.end()
            throw error
        }
        isReady = true
        return (ring, features)
    }

    private func makeRing(
        _ ring: UnsafeMutablePointer<io_uring>,
        _ highestLevel: KernelLevel
    ) throws(RingError) -> (KernelLevel, io_uring_params) {
        var level = highestLevel
        while true {
            var parameters = io_uring_params()
            parameters.flags = level.setupFlags | IORING_SETUP_CQSIZE
            parameters.cq_entries = UInt32(clamping: options.completionDepth)
            let failure = -retryingForMemory {
                let depth = min(options.submissionDepth, options.completionDepth)
                return io_uring_queue_init_params(UInt32(clamping: depth), ring, &parameters)
            }
            if failure == 0 { return (level, parameters) }
            guard failure == EINVAL, let lower = KernelLevel(rawValue: level.rawValue - 1) else {
                throw .setup(failure)
            }
            level = lower
        }
    }

    /// The kernel gives a closed ring's locked memory back some milliseconds late, so a limit that is reached now need
    /// not be reached in a moment.
    private func retryingForMemory(_ attempt: () -> Int32) -> Int32 {
        for _ in 0..<100 {
            let result = attempt()
            if result != -ENOMEM { return result }
            usleep(10_000)
        }
        return attempt()
    }

    private func report(
        _ ring: UnsafeMutablePointer<io_uring>,
        _ facts: KernelFacts,
        _ features: inout RingFeatures
    ) {
        let level = features.level
        if features.reasons.isEmpty && level < options.highestLevel {
            features.reasons.append("the kernel refuses \(options.highestLevel)")
        } else if options.highestLevel < KernelLevel.linux6_1 {
            features.reasons.append("asked for no more than \(level)")
        }
        features.receives = facts.receives
        if !facts.receives {
            features.reasons.append("before Linux 5.18 a receive that waits holds a buffer, so workers receive nothing")
        }
        features.waitsOutsideIOWait = facts.waitsOutsideIOWait
        if !facts.waitsOutsideIOWait {
            features.reasons.append("before Linux 6.15 an idle ring counts as waiting for I/O")
        }
        guard level >= .linux5_19 else { return }
        features.completesSilently = facts.completesSilently
        features.acceptsMultishot = facts.acceptsMultishot
        features.sharesBuffers = facts.acceptsMultishot
        features.receivesMultishot = level >= .linux6_0 && facts.receives
        let registered = io_uring_register_ring_fd(ring)
        features.registersDescriptor = registered == 1
        if registered < 0 {
            features.reasons.append("the ring's descriptor could not be registered: \(errorText(-registered))")
        }
    }
}

extension KernelLevel {
    fileprivate var setupFlags: UInt32 {
        switch self {
        case .linux5_11: 0
        case .linux5_19: IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG
        case .linux6_0: KernelLevel.linux5_19.setupFlags | IORING_SETUP_SINGLE_ISSUER
        case .linux6_1: KernelLevel.linux6_0.setupFlags | IORING_SETUP_DEFER_TASKRUN
        }
    }
}

/// How many rings have ended. The memory of one may be mapped again for the next, on another thread; the kernel orders the two,
/// and this says so to the thread sanitizer, which does not see liburing's system calls.
private let endedRings = Atomic<Int>(0)

extension UnsafeMutablePointer<io_uring> {
    /// Closes the ring and unmaps its queues.
    func end() {
        endedRings.add(1, ordering: .releasing)
        io_uring_queue_exit(self)
    }
}
