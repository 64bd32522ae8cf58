// The proofs of a ring: an operation that goes to the kernel and comes back, before anything relies on the ring, and an event
// descriptor that is told of completions, before a host waits for one.

internal import CLiburing
internal import NBEngine
internal import NBLibc

extension UnsafeMutablePointer<io_uring> {
    /// Submits one operation and takes its completion, in one system call as a rule.
    ///
    /// A ring that could be made need not work: a seccomp profile may refuse `io_uring_enter(2)` only, and a filter of
    /// operations (`io_uring_register(2)`, `IORING_REGISTER_RESTRICTIONS`; BPF since Linux 7.0) single ones. The operation is
    /// a cancel that finds nothing, because every server needs to cancel. Called once, by the thread that made the ring, while the
    /// queues are empty.
    ///
    /// Tries for up to a second while the kernel is short of memory for requests.
    ///
    /// - Throws: ``RingError`` with cause and cure.
    func prove() throws(RingError) {
        guard let entry = io_uring_get_sqe(self) else { preconditionFailure("the ring was used before its proof") }
        io_uring_prep_cancel64(entry, 0, 0)
        for attempt in 0... {
            let result = io_uring_submit_and_wait(self, 1)
            var completion: UnsafeMutablePointer<io_uring_cqe>?
            if io_uring_peek_cqe(self, &completion) == 0, let answer = completion?.pointee.res {
                io_uring_cqe_seen(self, completion)
                guard answer == -ENOENT else { throw .operation("cancel", -answer) }
                return
            }
            let mayPass = result >= 0 || [EINTR, EAGAIN, EBUSY].contains(-result)
            guard mayPass, attempt < 100 else { throw .enter(max(-result, 0)) }
            usleep(10_000)
        }
    }
}

extension Ring {
    /// Whether the kernel tells a registered event descriptor of completions again and again, as ``register(event:)`` says.
    ///
    /// A kernel that does so once and never again makes every host deaf that waits for the descriptor: Debian's Linux 6.12.117, on
    /// the level ``KernelLevel/linux6_1``. Reads a byte that arrives, three times; called while nothing is in flight and no
    /// event descriptor is registered.
    ///
    /// - Throws: ``RingError`` when the process is out of descriptors, or the ring does not do what is asked of it.
    public mutating func tellsEvents() throws(RingError) -> Bool {
        let event = try EventDescriptor(blocks: false)
        let pair = try SocketPair()
        try register(event: event.descriptor)
        defer { unregisterEvent() }
        var hasTold = true
        for _ in 0..<3 where hasTold {
            _ = prepare(.read(descriptor: pair.reader, into: Operation.Memory(pair.byte), count: 1), token: .proof)
            try submit(.poll)
            EventDescriptor.clear(event.descriptor)
            pair.write()
            // A kernel that is short of memory has not taken the read yet.
            hasTold = hasUnsubmitted || isReadable(event.descriptor)
            try takeProof()
        }
        return hasTold
    }

    /// The byte is there, so its read completes.
    private mutating func takeProof() throws(RingError) {
        var batch = CompletionBatch(capacity: 1)
        for _ in 0..<100 where batch.count == 0 {
            try submit(.forCompletionOr(.milliseconds(10)))
            takeCompletions(into: &batch)
        }
        let result = batch.count == 1 ? batch[0].result : 0
        guard result == 1 else { throw .operation("read", -result) }
    }
}

/// Two connected sockets, and a byte to read into.
private struct SocketPair: ~Copyable {
    let reader: Int32
    private let writer: Int32
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    init() throws(RingError) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            socketpair(AF_UNIX, streamSocket | closeOnExec, 0, $0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard result == 0 else { throw .event(errno) }
        (reader, writer) = ends
        byte.initialize(to: 0)
    }

    deinit {
        NBLibc.close(reader)
        NBLibc.close(writer)
        byte.deallocate()
    }

    func write() {
        _ = NBLibc.write(writer, byte, 1)
    }
}
