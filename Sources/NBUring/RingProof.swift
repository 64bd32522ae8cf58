// The proof of a ring: one operation that goes to the kernel and comes back, before anything relies on the ring.

internal import CLiburing
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
