internal import CLiburing
internal import Glibc

/// Climbs down the feature ladder until the kernel grants a ring, and writes down what it got.
struct RingSetup {
    private let options: RingOptions

    init(_ options: RingOptions) {
        self.options = options
    }

    /// Before Linux 6.8 (some stable kernels have the fix, but their version does not show it), a multishot accept on a
    /// ring with deferred work that ends in a full completion queue may complete with a poll mask in place of a descriptor;
    /// liburing issue 1062.
    private static let highestSoundRung: Rung = kernel < (6, 8) ? .singleIssuer : .deferred

    /// The kernel's version, for what cannot be probed; the newest imaginable if it does not tell.
    private static let kernel: (Int, Int) = {
        var name = utsname()
        guard uname(&name) == 0 else { return (.max, 0) }
        let release = withUnsafeBytes(of: name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let parts = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return parts.count == 2 ? (parts[0], parts[1]) : (.max, 0)
    }()

    /// Whether completions can be copied out as they are.
    private static var layoutsAgree: Bool {
        MemoryLayout<Completion>.size == MemoryLayout<io_uring_cqe>.size
            && MemoryLayout<Completion>.offset(of: \.result) == MemoryLayout<io_uring_cqe>.offset(of: \.res)
            && MemoryLayout<Completion>.offset(of: \.flags) == MemoryLayout<io_uring_cqe>.offset(of: \.flags)
            && Completion.moreFlag == IORING_CQE_F_MORE
            && Completion.bufferFlag == IORING_CQE_F_BUFFER
            && Completion.bufferShift == UInt32(IORING_CQE_BUFFER_SHIFT)
    }

    func run() throws(RingError) -> (UnsafeMutablePointer<io_uring>, RingFeatures) {
        assert(Self.layoutsAgree, "Completion does not have the layout of io_uring_cqe")
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        ring.initialize(to: io_uring())
        var isReady = false
        defer {
            if !isReady { ring.deallocate() }
        }
        let (rung, parameters) = try makeRing(ring)
        let needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL
        guard parameters.features & needed == needed else {
            io_uring_queue_exit(ring)
            throw .tooOld
        }
        // A forked child must not share the queues: both would advance them.
        _ = io_uring_ring_dontfork(ring)
        let features = report(ring, rung, parameters)
        do {
            try ring.prove()
        } catch {
            io_uring_queue_exit(ring)
            throw error
        }
        isReady = true
        return (ring, features)
    }

    private func makeRing(_ ring: UnsafeMutablePointer<io_uring>) throws(RingError) -> (Rung, io_uring_params) {
        var rung = min(options.highestRung, Self.highestSoundRung)
        while true {
            var parameters = io_uring_params()
            parameters.flags = rung.setupFlags | IORING_SETUP_CQSIZE
            parameters.cq_entries = UInt32(clamping: options.completionDepth)
            let failure = -retryingForMemory {
                let depth = min(options.submissionDepth, options.completionDepth)
                return io_uring_queue_init_params(UInt32(clamping: depth), ring, &parameters)
            }
            if failure == 0 { return (rung, parameters) }
            guard failure == EINVAL, let lower = Rung(rawValue: rung.rawValue - 1) else { throw .setup(failure) }
            rung = lower
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
        _ rung: Rung,
        _ parameters: io_uring_params
    ) -> RingFeatures {
        var features = RingFeatures(
            rung: rung,
            submissionDepth: Int(parameters.sq_entries),
            completionDepth: Int(parameters.cq_entries)
        )
        if rung == Self.highestSoundRung, rung < options.highestRung {
            features.reasons.append("before Linux 6.8 deferred work may give an accept a wrong descriptor")
        } else if rung < options.highestRung {
            features.reasons.append("the kernel refuses \(options.highestRung)")
        } else if rung < Rung.deferred {
            features.reasons.append("asked for no more than \(rung)")
        }
        if Self.kernel < (5, 18) {
            features.receives = false
            features.reasons.append("before Linux 5.18 a receive that waits holds a buffer, so workers receive nothing")
        }
        guard rung >= .cooperative else { return features }
        features.completesSilently = parameters.features & IORING_FEAT_CQE_SKIP != 0
        features.acceptsMultishot = ring.knowsOperationsOfLinux5_19
        features.sharesBuffers = features.acceptsMultishot
        features.receivesMultishot = rung >= .singleIssuer
        let registered = io_uring_register_ring_fd(ring)
        features.registersDescriptor = registered == 1
        if registered < 0 {
            features.reasons.append("the ring's descriptor could not be registered: \(errorText(-registered))")
        }
        return features
    }
}

extension Rung {
    fileprivate var setupFlags: UInt32 {
        switch self {
        case .basic: 0
        case .cooperative: IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN
        case .singleIssuer: Rung.cooperative.setupFlags | IORING_SETUP_SINGLE_ISSUER
        case .deferred: Rung.singleIssuer.setupFlags | IORING_SETUP_DEFER_TASKRUN
        }
    }
}

extension UnsafeMutablePointer<io_uring> {
    /// Multishot accept has no flag of its own to probe for; the socket operation came with the same kernel.
    fileprivate var knowsOperationsOfLinux5_19: Bool {
        guard let probe = io_uring_get_probe_ring(self) else { return false }
        defer { io_uring_free_probe(probe) }
        return io_uring_opcode_supported(probe, Int32(IORING_OP_SOCKET.rawValue)) != 0
    }
}
