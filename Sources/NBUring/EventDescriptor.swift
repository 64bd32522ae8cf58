internal import NBLibc

/// An event descriptor: a counter in the kernel that any thread, and any signal handler, can add to and that a ring can
/// read. `eventfd(2)`.
///
/// Owned by the loop that waits for it; closed when dropped.
public struct EventDescriptor: ~Copyable, Sendable {
    /// The descriptor, for ``Operation/read(descriptor:into:count:)`` of eight bytes.
    public let descriptor: Int32

    /// Makes a counter of zero.
    ///
    /// - Parameter blocks: whether a read of zero waits. A ring's read of a descriptor that does not block fails with `EAGAIN` on old
    ///   kernels; ``clear(_:)`` wants one that does not.
    /// - Throws: ``RingError`` when the process or the system is out of descriptors.
    public init(blocks: Bool = true) throws(RingError) {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | (blocks ? 0 : Int32(EFD_NONBLOCK)))
        guard descriptor >= 0 else {
            throw .event(errno)
        }
        self.descriptor = descriptor
    }

    deinit {
        NBLibc.close(descriptor)
    }

    /// Wakes the reader of the descriptor. Any thread; safe in a signal handler.
    public func signal() {
        EventDescriptor.signal(descriptor)
    }

    /// Sets the counter of a descriptor that does not block to zero, so that it does not poll as readable. `read(2)`.
    public static func clear(_ descriptor: Int32) {
        var count: UInt64 = 0
        _ = NBLibc.read(descriptor, &count, MemoryLayout<UInt64>.size)
    }

    /// Wakes the reader of this descriptor, for callers that know only its number. Safe in a signal handler.
    public static func signal(_ descriptor: Int32) {
        let savedErrno = errno
        var one: UInt64 = 1
        // Eight bytes go in whole or not at all, and a counter too full to take them has woken its reader already.
        _ = NBLibc.write(descriptor, &one, MemoryLayout<UInt64>.size)
        errno = savedErrno
    }
}
