internal import LinuxLibc

/// Why a ring could not be made or used.
public struct RingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The system call, or the step, that failed.
    public let operation: String

    /// The error's number, as in `errno(3)`; 0 when the kernel granted a ring but not the features it needs.
    public let errno: Int32

    /// What it usually means, and what to do about it.
    public let advice: String

    init(operation: String, errno: Int32, advice: String) {
        self.operation = operation
        self.errno = errno
        self.advice = advice
    }

    /// Cause and cure in one line.
    public var description: String {
        errno == 0 ? "\(operation): \(advice)" : "\(operation): \(errorText(errno)): \(advice)"
    }

    static func setup(_ errno: Int32) -> RingError {
        RingError(operation: "io_uring_setup", errno: errno, advice: setupAdvice(errno))
    }

    static func enter(_ errno: Int32) -> RingError {
        let isForeignThread = errno == EEXIST
        return RingError(
            operation: "io_uring_enter",
            errno: errno,
            advice: isForeignThread
                ? "a ring is used by the thread that made it and by no other"
                : "the kernel refuses this ring any further work"
        )
    }

    static func buffers(_ operation: String, _ errno: Int32) -> RingError {
        let advice = errno == ENOMEM ? setupAdvice(errno) : "the kernel takes no receive buffers"
        return RingError(operation: operation, errno: errno, advice: advice)
    }

    static func bufferShape(count: Int, size: Int) -> RingError {
        RingError(
            operation: "openReceiveBuffers",
            errno: EINVAL,
            advice:
                "\(count) buffers of \(size) bytes cannot be had; ask for a power of two to 32768, of 2 GiB less one at most"
        )
    }

    static func event(_ errno: Int32) -> RingError {
        RingError(operation: "eventfd", errno: errno, advice: shortageAdvice(errno) ?? "the kernel could not make one")
    }

    static let tooOld = RingError(
        operation: "io_uring_setup",
        errno: 0,
        advice: "this kernel's io_uring lacks timed waits or lossless completion queues; Linux 5.11 or newer is needed"
    )
}

/// The text of an error number: `Address already in use (errno 98)`.
public func errorText(_ errno: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        guard let base = buffer.baseAddress, strerror_r(errno, base, buffer.count) == 0 else {
            return "errno \(errno)"
        }
        return "\(String(cString: base)) (errno \(errno))"
    }
}

private func setupAdvice(_ errno: Int32) -> String {
    switch errno {
    case ENOSYS:
        "io_uring is missing: the kernel is older than Linux 5.1, built without it, or a container's seccomp profile "
            + "hides it (docker run --security-opt seccomp=unconfined, or allow io_uring_setup, io_uring_enter and "
            + "io_uring_register)"
    case EPERM, EACCES:
        "io_uring is forbidden: by the sysctl kernel.io_uring_disabled (set it to 0), or by a container's seccomp profile "
            + "(docker run --security-opt seccomp=unconfined, or allow io_uring_setup, io_uring_enter and "
            + "io_uring_register)"
    case ENOMEM:
        "no memory may be locked for the ring: raise the limit (ulimit -l, LimitMEMLOCK= of systemd) or ask for a "
            + "smaller completion queue"
    case EINVAL:
        "the kernel does not know the options asked for, or the queue depths are out of its range"
    default:
        shortageAdvice(errno) ?? "the kernel could not make a ring"
    }
}

private func shortageAdvice(_ errno: Int32) -> String? {
    switch errno {
    case EMFILE: "the process is out of descriptors: raise its limit (ulimit -n) before starting"
    case ENFILE: "the system is out of descriptors: raise the sysctl fs.file-max"
    case ENOMEM: "the system is out of memory"
    default: nil
    }
}
