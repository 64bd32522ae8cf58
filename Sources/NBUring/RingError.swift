internal import NBLibc

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
        RingError(operation: "io_uring_enter", errno: errno, advice: enterAdvice(errno))
    }

    /// An operation that every server needs was refused before it was carried out.
    package static func operation(_ name: String, _ errno: Int32) -> RingError {
        let isFilter = errno == EACCES || errno == EPERM
        return RingError(
            operation: "io_uring operation \(name)",
            errno: errno,
            advice: isFilter
                ? "a filter of io_uring operations forbids it (a restriction or a BPF program, io_uring_register(2)); "
                    + "have the filter allow accept, send, sendmsg, recv, read, connect, close, async_cancel, timeout and timeout_remove, "
                    + "and before Linux 5.19 provide_buffers"
                : "the kernel does not carry out what every server needs; use a newer kernel"
        )
    }

    static func register(_ operation: String, _ errno: Int32) -> RingError {
        RingError(operation: operation, errno: errno, advice: registerAdvice(errno))
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

// Each function below knows every error of its call's man page. A seccomp profile may answer with any number, so one that
// is not on the page is taken for its answer.

private func setupAdvice(_ errno: Int32) -> String {
    switch errno {
    case ENOSYS:
        "io_uring is missing: the kernel is older than Linux 5.1 or built without it, or a seccomp profile hides it; "
            + profileCure
    case EPERM:
        "io_uring is forbidden: by the sysctl kernel.io_uring_disabled (2 forbids it to all, 1 to those without "
            + "CAP_SYS_ADMIN who are not in the group kernel.io_uring_group; set it to 0, or join the group), or by a "
            + "seccomp profile; " + profileCure
    case EACCES:
        "io_uring is forbidden: by a security module such as SELinux (see its log, and allow it in its policy), or by a "
            + "seccomp profile; " + profileCure
    case ENOMEM, EAGAIN:
        "no memory may be locked for the ring: raise the limit (ulimit -l, LimitMEMLOCK= of systemd) or ask for a "
            + "smaller completion queue"
    case EINVAL:
        "the kernel does not know the options asked for, or the queue depths are out of its range; ask for 1 to 32,768 "
            + "submissions and to 65,536 completions"
    case EFAULT:
        "the kernel cannot read this library's parameters; report it as a fault of the library"
    default:
        shortageAdvice(errno) ?? "io_uring is forbidden, by a seccomp profile or a sandbox; " + profileCure
    }
}

private func enterAdvice(_ errno: Int32) -> String {
    switch errno {
    case EEXIST:
        "a ring is used by the thread that made it and by no other"
    case EBADF, EBADFD, ENXIO:
        lostDescriptor + foreignCloseCure
    case EOPNOTSUPP:
        lostDescriptor + "or a seccomp profile refuses io_uring_enter; " + foreignCloseCure + ", or " + profileCure
    case EAGAIN:
        "the kernel has no memory for requests; give the machine or the container more"
    case EBUSY:
        "the kernel has no room for completions; give the machine or the container more memory"
    case EBADR:
        "the kernel had no memory for completions and lost some; give the machine or the container more, and start anew"
    case EFAULT, EINVAL:
        "the kernel does not understand this library's call; report it as a fault of the library"
    case 0:
        "the call succeeds and does nothing, so a seccomp profile or a sandbox answers it; " + profileCure
    default:
        "a ring can be made but not used: a seccomp profile or a sandbox refuses io_uring_enter; " + profileCure
    }
}

private func registerAdvice(_ errno: Int32) -> String {
    switch errno {
    case ENOMEM, EAGAIN:
        setupAdvice(ENOMEM)
    case EBADF, EBADFD, ENXIO:
        lostDescriptor + foreignCloseCure
    case EEXIST:
        "the ring has receive buffers, or another thread registers; only the thread that made a ring may"
    case EFAULT, EINVAL, EBUSY, ETIME:
        "the kernel does not take the receive buffers; report it as a fault of the library"
    case EACCES:
        "a restriction of the ring, a filter or a seccomp profile refuses io_uring_register; " + profileCure
    default:
        shortageAdvice(errno) ?? "a seccomp profile or a sandbox refuses io_uring_register; " + profileCure
    }
}

private let profileCure =
    "in a container, start it with a profile that allows io_uring_setup, io_uring_enter and io_uring_register (docker run "
    + "--security-opt seccomp=PROFILE.json), which is safer than seccomp=unconfined"

private let lostDescriptor = "the ring's descriptor is closed or is another file, "
private let foreignCloseCure = "find what in this process closes a descriptor that it does not own"

private func shortageAdvice(_ errno: Int32) -> String? {
    switch errno {
    case EMFILE: "the process is out of descriptors: raise its limit (ulimit -n) before starting"
    case ENFILE: "the system is out of descriptors: raise the sysctl fs.file-max"
    case ENOMEM: "the system is out of memory"
    default: nil
    }
}
