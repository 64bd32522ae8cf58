/// Why a client was not let in at once, or why a listener does not accept.
///
/// ``ServerCounters`` count by these reasons. A value; any thread.
@nonexhaustive
public enum AdmissionReason: String, CaseIterable, Hashable, Sendable, Codable {
    /// ``AdmissionLimits/maximumOpen``.
    case open
    /// ``AdmissionLimits/ListenerLimits/maximumOpen``.
    case openPerListener
    /// ``AdmissionLimits/SourceLimits/maximumOpen``.
    case openPerSource
    /// ``AdmissionLimits/rate``.
    case rate
    /// ``AdmissionLimits/ListenerLimits/rate``.
    case ratePerListener
    /// ``AdmissionLimits/SourceLimits/rate``.
    case ratePerSource
    /// As many sources as an ``Admission`` can remember have connections open.
    case tooManySources
    /// A rule of ``SourceRules`` denies the source.
    case denied
    /// The peer had reset the connection before the server could ask for the peer's address, which rules and limits by source need.
    case gone
    /// The process or the system has no descriptor left: `EMFILE` or `ENFILE`, `accept(2)`. Connections are discarded for this reason with
    /// ``ServerOptions/Exhaustion/shed``.
    case descriptors
    /// The system has no memory left: `ENOBUFS` or `ENOMEM`, `accept(2)`.
    case memory
    /// `accept(2)` fails with another error, as if a firewall forbids it.
    case refused
    /// The consumer of a batch of ``Arrivals`` has ended without the connection.
    case untaken
    /// The listener has been removed.
    case removed
    /// The kernel has given the connection to an accept operation that was over.
    case stale
    /// The server drains, and resets its queued clients; see ``QueuedClients/reset``.
    case draining
    /// The server is stopping.
    case stopping

    /// The reason's place in ``AdmissionCounts``.
    var index: Int {
        switch self {
        case .open: 0
        case .openPerListener: 1
        case .openPerSource: 2
        case .rate: 3
        case .ratePerListener: 4
        case .ratePerSource: 5
        case .tooManySources: 6
        case .denied: 7
        case .gone: 8
        case .descriptors: 9
        case .memory: 10
        case .refused: 11
        case .untaken: 12
        case .removed: 13
        case .stale: 14
        case .draining: 15
        case .stopping: 16
        }
    }
}
