internal import NBLibc

/// What to do about an accept that failed: the errors of `accept(2)`, each with the reason for its answer.
///
/// Pure, and the only place where the number of an accept's error is looked at.
package enum AcceptFailure: Hashable, Sendable {
    /// One connection's bad luck, or none's: arm again at once, but not for ever.
    case retry
    /// Freeing something would not help: arm again after a pause that grows.
    case backOff
    /// Out of descriptors or memory: arm again after such a pause, or as soon as this server frees a descriptor. What else
    /// to do is an option, ``ServerOptions/Exhaustion``.
    case park
    /// This socket will never accept again.
    case down

    package init(errno: Int32) {
        switch errno {
        // A connection's own network error, or its end before it was accepted; accept(2) wants these treated as EAGAIN.
        case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH:
            self = .retry
        // Nothing happened.
        case EAGAIN, EINTR:
            self = .retry
        // Cancelled, and not by us.
        case ECANCELED:
            self = .retry
        // No descriptor or no memory. Reported at once even with an empty backlog, and nothing queued is lost.
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            self = .park
        // A firewall or a security module has its say; it may change its mind. A filter of io_uring operations does not, and
        // cannot be told from them.
        case EPERM, EACCES:
            self = .backOff
        // The socket was shut down, so it does not listen any more.
        case EINVAL:
            self = .down
        // The descriptor is not ours any more.
        case EBADF, ENOTSOCK:
            self = .down
        // Unknown: neither give up nor spin.
        default:
            self = .backOff
        }
    }

    /// Why a listener does not accept after such an error.
    static func reason(ofErrno errno: Int32) -> AdmissionReason {
        switch errno {
        case EMFILE, ENFILE: .descriptors
        case ENOBUFS, ENOMEM: .memory
        default: .refused
        }
    }

    /// The name of an accept's error, for counts; of one that is not known, its number.
    static func name(ofErrno errno: Int32) -> String { names[errno] ?? "errno \(errno)" }

    private static let names: [Int32: String] = [
        ECONNABORTED: "ECONNABORTED", EPROTO: "EPROTO", ENETDOWN: "ENETDOWN", ENOPROTOOPT: "ENOPROTOOPT",
        EHOSTDOWN: "EHOSTDOWN", ENONET: "ENONET", EHOSTUNREACH: "EHOSTUNREACH", EOPNOTSUPP: "EOPNOTSUPP",
        ENETUNREACH: "ENETUNREACH", EAGAIN: "EAGAIN", EINTR: "EINTR", ECANCELED: "ECANCELED", EMFILE: "EMFILE",
        ENFILE: "ENFILE", ENOBUFS: "ENOBUFS", ENOMEM: "ENOMEM", EPERM: "EPERM", EACCES: "EACCES",
        EINVAL: "EINVAL", EBADF: "EBADF", ENOTSOCK: "ENOTSOCK",
    ]
}
