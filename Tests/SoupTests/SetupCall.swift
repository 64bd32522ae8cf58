// A system call of a server's set-up: how often it is made, and what becomes of the server when one of them fails.

import GrantedLevels
import NBUring

struct SetupCall: Sendable {
    /// What a server comes to when a certain one of the calls fails.
    enum Outcome: Sendable {
        /// It is not made, or does not run: the operation that the error names, and the address it is about.
        case fails(_ operation: String, _ address: String)
        /// It serves, with these features of its ring.
        case serves(_ features: String)
    }

    /// An error of the call, and the code of the server's error.
    struct Refusal: Sendable {
        let error: String
        let errno: Int
        let code: String
    }

    let name: String
    /// The word that has a test server run one: `run` on its main thread until a signal comes, or `start`.
    let command: String
    /// Only calls about this; see ``Tracing``.
    let path: String?
    let refusals: [Refusal]
    /// One for each time the call is made. One more call in set-up, or one less, and the test speaks up.
    let outcomes: [Outcome]

    init(
        _ name: String,
        command: String = "start",
        about path: String? = nil,
        _ refusals: [Refusal],
        _ outcomes: [Outcome]
    ) {
        self.name = name
        self.command = command
        self.path = path
        self.refusals = refusals
        self.outcomes = outcomes
    }
}

// The calls that are made before there is a ring, or without regard to it.
extension SetupCall {
    private static let inet = "127.0.0.1:0"
    private static let inet6 = "[::1]:0"

    static let ofSockets = [
        SetupCall(
            "socket",
            [.outOfDescriptors, .systemOutOfDescriptors, .noBuffers, .noMemory, .noFamily],
            twice("socket")
        ),
        SetupCall("setsockopt", [.unknownOption, .noMemory.as("socket")], options),
        SetupCall("bind", [.forbidden, .notPermitted, .noAddress, .noMemory], twice("bind")),
        SetupCall("listen", [.notSupported], twice("listen")),
        SetupCall("getsockname", [.noBuffers], twice("getsockname")),
    ]

    static let ofProcess = [
        // For standard streams that are closed. Where none is, nothing is lost.
        SetupCall(
            "openat",
            about: "/dev/null",
            [.outOfDescriptors, .systemOutOfDescriptors],
            [.serves(Listening.features(of: .highestGranted))]
        ),
        // The thread's name. Without, it keeps the process's.
        SetupCall(
            "openat",
            about: "/proc/thread-self/comm",
            [.outOfDescriptors, .systemOutOfDescriptors],
            [.serves(Listening.features(of: .highestGranted))]
        ),
        SetupCall(
            "eventfd2",
            [.outOfDescriptors, .systemOutOfDescriptors, .noMemory.as("engineUnavailable")],
            [.fails("eventfd", "-")]
        ),
        SetupCall("clone3", [.tryAgain.as("thread"), .notPermitted.as("thread")], [.fails("pthread_create", "-")]),
        // Two signals. Those after them put back what was there before, when the server has ended.
        SetupCall(
            "rt_sigaction",
            command: "run",
            [.invalid.as("signals")],
            [.fails("sigaction", "-"), .fails("sigaction", "-")]
        ),
    ]

    private static func twice(_ operation: String) -> [Outcome] {
        [.fails(operation, inet), .fails(operation, inet6)]
    }

    private static var options: [Outcome] {
        let common = [
            "TCP_NODELAY", "SO_KEEPALIVE", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "SO_LINGER",
            "TCP_USER_TIMEOUT",
        ]
        return (["SO_REUSEADDR"] + common).map { .fails("setsockopt \($0)", inet) }
            + (["SO_REUSEADDR", "IPV6_V6ONLY"] + common).map { .fails("setsockopt \($0)", inet6) }
    }
}

// The calls that make the ring.
extension SetupCall {
    static func ofRing(_ engine: EngineChoice) -> [SetupCall] {
        let features = Listening.features(of: engine)
        // A kernel that does not tell what it knows is taken for what its version says.
        let registrations: [Outcome] =
            engine == .ring(.linux5_11) ? [.serves(features)] : [.serves(features), .serves("multishot unregistered")]
        return [
            SetupCall(
                "io_uring_setup",
                [.outOfDescriptors, .systemOutOfDescriptors, .notPermitted.ofRing, .noSystemCall.ofRing],
                [.fails("io_uring_setup", "-")]
            ),
            // The queues, and the submission entries.
            SetupCall(
                "mmap",
                about: Tracing.ringLink,
                [.notPermitted.ofRing, .tryAgain.ofRing],
                [.fails("io_uring_setup", "-"), .fails("io_uring_setup", "-")]
            ),
            // A child of fork(2) has the queues then, for what it is worth.
            SetupCall("madvise", [.noMemory], Array(repeating: .serves(features), count: 2 + Sanitizer.adviceCount)),
            // What the kernel knows, and the ring's descriptor.
            SetupCall("io_uring_register", [.invalid, .noMemory, .notPermitted], registrations),
        ]
    }
}

extension SetupCall.Refusal {
    static let outOfDescriptors = Self(error: "EMFILE", errno: 24, code: "outOfResources")
    static let systemOutOfDescriptors = Self(error: "ENFILE", errno: 23, code: "outOfResources")
    static let noBuffers = Self(error: "ENOBUFS", errno: 105, code: "outOfResources")
    static let noMemory = Self(error: "ENOMEM", errno: 12, code: "outOfResources")
    static let noFamily = Self(error: "EAFNOSUPPORT", errno: 97, code: "addressUnavailable")
    static let noAddress = Self(error: "EADDRNOTAVAIL", errno: 99, code: "addressUnavailable")
    static let forbidden = Self(error: "EACCES", errno: 13, code: "notPermitted")
    static let notPermitted = Self(error: "EPERM", errno: 1, code: "notPermitted")
    static let notSupported = Self(error: "EOPNOTSUPP", errno: 95, code: "socket")
    static let unknownOption = Self(error: "ENOPROTOOPT", errno: 92, code: "socket")
    static let invalid = Self(error: "EINVAL", errno: 22, code: "socket")
    static let tryAgain = Self(error: "EAGAIN", errno: 11, code: "socket")
    static let noSystemCall = Self(error: "ENOSYS", errno: 38, code: "socket")

    /// The same, where it means something else.
    func `as`(_ code: String) -> Self { Self(error: error, errno: errno, code: code) }

    var ofRing: Self { self.as("engineUnavailable") }
}
