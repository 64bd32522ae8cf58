/// The limits and rules of an ``Admission`` at one time, as its loops keep them. A value.
struct AdmissionPolicy {
    /// Which ones they are.
    let version: UInt64
    let limits: AdmissionLimits
    let rules: SourceRules?
    /// Whether each client's address is asked.
    let asksAddresses: Bool
    /// Whether clients wait at limits.
    let waits: Bool

    init(version: UInt64, limits: AdmissionLimits, rules: SourceRules?) {
        self.version = version
        self.limits = limits
        self.rules = rules
        waits = limits.whenReached == .wait
        asksAddresses = rules != nil || limits.perSource != nil
    }
}
