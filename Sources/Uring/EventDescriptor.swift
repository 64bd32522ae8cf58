internal import CLiburing
internal import LinuxLibc

/// An event descriptor: a counter in the kernel that any thread, and any signal handler, can add to and that a ring can
/// read. `eventfd(2)`.
///
/// Owned by whoever waits for it; closed when dropped.
public struct EventDescriptor: ~Copyable, Sendable {
    /// The descriptor, for ``Operation/read(descriptor:into:count:)`` of eight bytes.
    public let descriptor: Int32

    /// Makes a counter of zero.
    ///
    /// - Throws: ``RingError`` when the process or the system is out of descriptors.
    public init() throws(RingError) {
        // Blocking on purpose: a ring's read then waits in the kernel instead of failing with EAGAIN on old kernels.
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC))
        guard descriptor >= 0 else {
            throw .event(errno)
        }
        self.descriptor = descriptor
    }

    deinit {
        LinuxLibc.close(descriptor)
    }

    /// Wakes whoever reads the descriptor. Any thread; safe in a signal handler.
    public func signal() {
        EventDescriptor.signal(descriptor)
    }

    /// Wakes whoever reads this descriptor, for callers that know only its number. Safe in a signal handler.
    public static func signal(_ descriptor: Int32) {
        let savedErrno = errno
        var one: UInt64 = 1
        // Eight bytes go in whole or not at all, and a counter too full to take them has woken its reader already.
        _ = LinuxLibc.write(descriptor, &one, MemoryLayout<UInt64>.size)
        errno = savedErrno
    }
}
