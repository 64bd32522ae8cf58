/// Which limit kept a client from being let in at once; see ``AdmissionLimits``.
@nonexhaustive
public enum AdmissionLimit: Hashable, Sendable {
    /// ``AdmissionLimits/maximumOpen``.
    case open
    /// ``AdmissionLimits/ListenerLimits/maximumOpen``.
    case openPerListener
    /// ``AdmissionLimits/rate``.
    case rate
    /// ``AdmissionLimits/ListenerLimits/rate``.
    case ratePerListener
}
