internal import NBLibc

// What the kernel says of a real socket: four system calls of half a microsecond at most each, none of which blocks.
extension PeerState {
    /// Asks the kernel about a connected stream socket. What it does not tell stays as it is in ``init()``.
    @inline(never)
    init(of descriptor: Int32) {
        self.init()
        var count: Int32 = 0
        // `SIOCOUTQ`, `tcp(7)`, by the number it shares with `TIOCOUTQ`.
        if ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 {
            hasUntakenBytes = count > 0
            // For a socket that is not TCP: it changes whenever the peer reads.
            takenByteCount = 0 &- UInt32(bitPattern: count)
        }
        if ioctl(descriptor, UInt(FIONREAD), &count) == 0 { unreceivedByteCount = Int(max(0, count)) }
        var interest = pollfd(fd: descriptor, events: Self.pollReadHangUp, revents: 0)
        if poll(&interest, 1, 0) > 0 {
            hasEnded = interest.revents & (Self.pollReadHangUp | Int16(POLLHUP | POLLERR)) != 0
        }
        readProgress(of: descriptor)
    }

    /// `POLLRDHUP`, `poll(2)`, which the C library shows to GNU sources only.
    private static let pollReadHangUp: Int16 = 0x2000

    /// `tcpi_last_ack_recv` and the lower half of `tcpi_bytes_acked` in `struct tcp_info` (`tcp(7)`, Linux 4.1), by their places,
    /// since the C library's structure ends before the latter.
    private mutating func readProgress(of descriptor: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { info in
            var length = socklen_t(info.count)
            guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, info.baseAddress, &length) == 0, length == 128
            else { return }
            sinceLastAcknowledgment = .milliseconds(info.load(fromByteOffset: 56, as: UInt32.self))
            takenByteCount = UInt32(truncatingIfNeeded: info.load(fromByteOffset: 120, as: UInt64.self))
        }
    }
}
