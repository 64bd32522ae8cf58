// How each operation is written into a submission entry: the one place that knows liburing's io_uring_prep_*.

internal import CLiburing
internal import Glibc

extension Operation {
    /// Fills `entry`; its token and its flags are the caller's. `noAddress` is an address of no family and lives as long as
    /// the ring.
    @inline(__always)
    func prepare(_ entry: UnsafeMutablePointer<io_uring_sqe>, noAddress: UnsafePointer<sockaddr>) {
        switch self {
        case .accept(let listener, .oneShot):
            io_uring_prep_accept(entry, listener, nil, nil, acceptFlags)
        case .accept(let listener, .multishot):
            io_uring_prep_multishot_accept(entry, listener, nil, nil, acceptFlags)
        case .connect(let descriptor, let address):
            let name = address.base.assumingMemoryBound(to: sockaddr.self)
            io_uring_prep_connect(entry, descriptor, name, socklen_t(address.count))
        case .send(let descriptor, let bytes, .waiting):
            bytes.prepareSend(entry, descriptor, sendFlags)
        case .send(let descriptor, let bytes, .immediate):
            bytes.prepareSend(entry, descriptor, sendFlags | messageDontWait)
        case .send(let descriptor, let bytes, .immediateHeld):
            bytes.prepareSend(entry, descriptor, sendFlags | messageDontWait | messageMore)
        case .receive(let descriptor, let mode):
            io_uring_prep_recv(entry, descriptor, nil, 0, 0)
            if mode == .multishot { entry.pointee.ioprio |= UInt16(IORING_RECV_MULTISHOT) }
            entry.pointee.flags |= UInt8(NB_SERVER_BUFFER_SELECT)
            entry.pointee.buf_group = ReceiveBuffers.group
        case .discardInput(let descriptor, .waiting):
            io_uring_prep_recv(entry, descriptor, nil, discardLimit, messageTruncate)
        case .discardInput(let descriptor, .immediate):
            io_uring_prep_recv(entry, descriptor, nil, discardLimit, messageTruncate | messageDontWait)
        case .read(let descriptor, let memory, let count):
            io_uring_prep_read(entry, descriptor, memory.base, count, 0)
        case .disconnect(let descriptor):
            io_uring_prep_connect(entry, descriptor, noAddress, socklen_t(MemoryLayout<sockaddr>.size))
        case .close(let descriptor):
            io_uring_prep_close(entry, descriptor)
        case .cancel(let token):
            io_uring_prep_cancel64(entry, token.rawValue, 0)
        }
    }
}

extension Operation.Bytes {
    @inline(__always)
    fileprivate func prepareSend(_ entry: UnsafeMutablePointer<io_uring_sqe>, _ descriptor: Int32, _ flags: Int32) {
        if isScattered {
            let header = base.assumingMemoryBound(to: msghdr.self)
            io_uring_prep_sendmsg(entry, descriptor, header, UInt32(bitPattern: flags))
        } else {
            io_uring_prep_send(entry, descriptor, base, count, flags)
        }
    }
}

private let acceptFlags = Int32(bitPattern: UInt32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
private let messageDontWait = Int32(MSG_DONTWAIT)
private let messageMore = Int32(MSG_MORE)
private let messageTruncate = Int32(MSG_TRUNC)

/// Without `MSG_WAITALL` a send that is cut short completes as a success.
private let sendFlags = Int32(MSG_NOSIGNAL | MSG_WAITALL)

/// One receive throws away at most this much; more than a receive buffer holds by default.
private let discardLimit = 16 << 20
