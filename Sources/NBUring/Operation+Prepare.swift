// How each operation is written into a submission entry: the one place that knows liburing's io_uring_prep_*.

internal import CLiburing
internal import NBEngine
internal import NBLibc

extension Operation {
    /// Fills `entry`; its token and its flags are the caller's. `noAddress` is an address of no family and lives as long as
    /// the ring; what is discarded by reading goes to `discardedBytes`; a receive buffer of the ring holds `bufferSize` bytes. The kernel
    /// knows how to wait before it receives if `pollsFirst`.
    @inline(__always)
    func prepare(
        _ entry: UnsafeMutablePointer<io_uring_sqe>,
        noAddress: UnsafePointer<sockaddr>,
        discardedBytes: Memory,
        bufferSize: Int,
        pollsFirst: Bool
    ) {
        switch self {
        case .accept(let listener, .oneShot):
            io_uring_prep_accept(entry.cleared, listener, nil, nil, acceptFlags)
        case .accept(let listener, .multishot):
            io_uring_prep_multishot_accept(entry.cleared, listener, nil, nil, acceptFlags)
        case .connect(let descriptor, let address):
            let name = address.base.assumingMemoryBound(to: sockaddr.self)
            io_uring_prep_connect(entry.cleared, descriptor, name, socklen_t(address.count))
        case .send(let descriptor, let bytes):
            bytes.prepareSend(entry, descriptor, sendFlags)
        case .sendAtOnce(let descriptor, let bytes):
            bytes.prepareSend(entry, descriptor, sendFlags | Int32(MSG_DONTWAIT))
        case .receive(let descriptor, let mode, let waitsFirst):
            // A multishot receive has to ask for 0, the size of whatever buffer; before Linux 6.0 that was no byte at all.
            io_uring_prep_recv(entry.cleared, descriptor, nil, mode == .multishot ? 0 : bufferSize, 0)
            if mode == .multishot { entry.pointee.ioprio |= UInt16(IORING_RECV_MULTISHOT) }
            if waitsFirst && pollsFirst { entry.pointee.ioprio |= UInt16(IORING_RECVSEND_POLL_FIRST) }
            entry.pointee.flags |= UInt8(NB_SERVER_BUFFER_SELECT)
            entry.pointee.buf_group = ReceiveBuffers.group
        case .discardInput(let descriptor):
            io_uring_prep_recv(entry.cleared, descriptor, nil, discardLimit, messageTruncate)
        case .discardByReading(let descriptor):
            io_uring_prep_recv(entry.cleared, descriptor, discardedBytes.base, discardedBytesSize, 0)
        case .read(let descriptor, let memory, let count):
            io_uring_prep_read(entry.cleared, descriptor, memory.base, count, 0)
        case .disconnect(let descriptor):
            io_uring_prep_connect(entry.cleared, descriptor, noAddress, socklen_t(MemoryLayout<sockaddr>.size))
        case .close(let descriptor):
            io_uring_prep_close(entry.cleared, descriptor)
        case .cancel(let token, _):
            io_uring_prep_cancel64(entry.cleared, token.rawValue, 0)
        }
    }
}

extension UnsafeMutablePointer<io_uring_sqe> {
    /// The same entry without what it held before. Where it is filled and not before, so that the compiler finds what need not be
    /// written twice.
    @inline(__always)
    fileprivate var cleared: Self {
        initialize(to: io_uring_sqe())
        return self
    }
}

extension Operation.Bytes {
    @inline(__always)
    fileprivate func prepareSend(_ entry: UnsafeMutablePointer<io_uring_sqe>, _ descriptor: Int32, _ flags: Int32) {
        if isScattered {
            let header = base.assumingMemoryBound(to: msghdr.self)
            io_uring_prep_sendmsg(entry.cleared, descriptor, header, UInt32(bitPattern: flags))
        } else {
            io_uring_prep_send(entry.cleared, descriptor, base, count, flags)
        }
    }
}

/// `SOCK_CLOEXEC` and `SOCK_NONBLOCK`. The kernel defines them as these two, which are numbers in either C library.
private let acceptFlags = O_CLOEXEC | O_NONBLOCK
private let messageTruncate = Int32(MSG_TRUNC)

/// Without `MSG_WAITALL` a send that is cut short completes as a success.
private let sendFlags = Int32(MSG_NOSIGNAL | MSG_WAITALL)

/// One receive throws away at most this much; more than a receive buffer holds by default.
private let discardLimit = 16 << 20

extension Operation {
    /// What every socket that is not plain TCP discards into, on every ring of the process. Made with the first ring, never
    /// freed and never read, so it does not matter that the kernel writes to it from several threads.
    static let discardedBytes = Memory(.allocate(byteCount: discardedBytesSize, alignment: 64))
}

private let discardedBytesSize = 64 << 10
