// System calls that do not block, for the owner of the descriptor. Each returns what it came to, or a negated error.

internal import NBEngine
internal import NBLibc

/// One call throws away at most this much; more than a receive buffer of the kernel's holds by default.
private let discardLimit = 16 << 20

/// Throws away what has arrived on a socket that is plain TCP, without copying it. `MSG_TRUNC`, `tcp(7)`.
@inline(__always)
func discardInput(of descriptor: Int32) -> Int32 {
    let count = recv(descriptor, nil, discardLimit, Int32(MSG_TRUNC | MSG_DONTWAIT))
    return count < 0 ? -errno : Int32(truncatingIfNeeded: count)
}

/// The same on any other stream socket, by reading at most 64 KiB.
@inline(never)
func discardByReading(_ descriptor: Int32) -> Int32 {
    withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 64) { bytes in
        let count = recv(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
        return count < 0 ? -errno : Int32(truncatingIfNeeded: count)
    }
}

/// Closes descriptors, each run of consecutive ones by one `close_range(2)` (Linux 5.9). Without that call, or where a filter forbids it, one
/// by one.
func closeAll(_ descriptors: Span<Int32>) {
    var start = 0
    while start < descriptors.count {
        var end = start + 1
        while end < descriptors.count, descriptors[end] == descriptors[end - 1] + 1 { end += 1 }
        let isClosed = end - start > 1 && nb_server_close_range(descriptors[start], descriptors[end - 1]) == 0
        if !isClosed { for index in start..<end { NBLibc.close(descriptors[index]) } }
        start = end
    }
}

extension Operation {
    /// Carries out a read.
    func read() -> Int32 {
        guard case .read(let descriptor, let memory, let count) = self else { return -EINVAL }
        let result = NBLibc.read(descriptor, memory.base, Int(count))
        return result < 0 ? -errno : Int32(truncatingIfNeeded: result)
    }
}

extension Operation.Bytes {
    /// Sends the bytes, or as many as the socket takes.
    @inline(__always)
    func send(to descriptor: Int32, _ flags: Int32) -> Int32 {
        if isScattered { return sendScattered(to: descriptor, skipping: 0, flags) }
        let result = NBLibc.send(descriptor, base, count, flags)
        return result < 0 ? -errno : Int32(truncatingIfNeeded: result)
    }

    /// The same for the bytes behind the first `done`.
    func send(to descriptor: Int32, skipping done: Int, _ flags: Int32) -> Int32 {
        if isScattered { return sendScattered(to: descriptor, skipping: done, flags) }
        let result = NBLibc.send(descriptor, base + done, count - done, flags)
        return result < 0 ? -errno : Int32(truncatingIfNeeded: result)
    }

    /// The caller's list of places stays as it is: of what is left, a list is made.
    @inline(never)
    private func sendScattered(to descriptor: Int32, skipping done: Int, _ flags: Int32) -> Int32 {
        let header = base.assumingMemoryBound(to: msghdr.self)
        guard done > 0, let parts = header.pointee.msg_iov else {
            let result = sendmsg(descriptor, header, flags)
            return result < 0 ? -errno : Int32(truncatingIfNeeded: result)
        }
        let partCount = Int(header.pointee.msg_iovlen)
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: partCount) { left in
            var (count, skip) = (0, done)
            for part in UnsafeBufferPointer(start: parts, count: partCount) {
                let skipped = min(skip, part.iov_len)
                skip -= skipped
                guard skipped < part.iov_len else { continue }
                left[count] = iovec(iov_base: part.iov_base + skipped, iov_len: part.iov_len - skipped)
                count += 1
            }
            var message = msghdr()
            message.msg_iov = left.baseAddress
            message.msg_iovlen = .init(count)
            let result = sendmsg(descriptor, &message, flags)
            return result < 0 ? -errno : Int32(truncatingIfNeeded: result)
        }
    }

    /// Connects a socket to the address that the bytes are.
    func connect(_ descriptor: Int32) -> Int32 {
        -errorNumber(NBLibc.connect(descriptor, base.assumingMemoryBound(to: sockaddr.self), socklen_t(count)))
    }
}
