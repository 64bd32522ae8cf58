import NBServer

/// Sums over reasons, by what tests ask.
extension ServerCounters {
    var shed: UInt64 { discardedByReason[.descriptors] }
    var denied: UInt64 { discardedByReason[.denied] }
    var gone: UInt64 { discardedByReason[.gone] }
    /// At a limit of all or of a listener.
    var overLimit: UInt64 { sum([.open, .openPerListener, .rate, .ratePerListener]) }
    var overSourceLimit: UInt64 { sum([.openPerSource, .ratePerSource, .tooManySources]) }

    private func sum(_ reasons: [AdmissionReason]) -> UInt64 { reasons.reduce(0) { $0 + discardedByReason[$1] } }
}
