/// Which limit has kept a client from being let in at once; see ``AdmissionLimits``. A value.
@nonexhaustive
public enum AdmissionLimit: Hashable, Sendable {
    /// ``AdmissionLimits/maximumOpen``.
    case open
    /// ``AdmissionLimits/maximumOpenPerListener``.
    case openPerListener
    /// ``AdmissionLimits/rate``.
    case rate
    /// ``AdmissionLimits/ratePerListener``.
    case ratePerListener
}
