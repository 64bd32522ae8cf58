import ArgumentParser
import NBServer

/// What our server asks of each client before it is let in. Limits are far from reached, and no rule is about the clients, so all are let
/// in: what is measured is the asking.
enum OurAdmission: String, CaseIterable, ExpressibleByArgument, Sendable {
    case limits
    case rates
    case rule
    case rules
    case sources

    /// As the contender's name has it.
    var words: String {
        switch self {
        case .limits: "limits"
        case .rates: "limits and rates"
        case .rule: "1 rule"
        case .rules: "10,000 rules"
        case .sources: "10,000 rules, limits by source"
        }
    }

    var summary: String {
        switch self {
        case .limits: "nb-server with limits of open connections, in all and of the listener"
        case .rates: "the same, with rates as well"
        case .rule: "nb-server with a rule about sources, for which it asks the kernel for each client's address"
        case .rules: "the same with 10,000 rules"
        case .sources: "the same, with a limit and a rate of each source as well"
        }
    }

    /// What it is compared with: one that has the same but for what this one adds; nil for a server without admission.
    var base: OurAdmission? {
        switch self {
        case .limits, .rule: nil
        case .rates: nil
        case .rules, .sources: .rule
        }
    }

    func make() throws -> Admission {
        let many = 1_000_000
        let rate = AdmissionLimits.Rate(perSecond: many, burst: many)
        let listener = AdmissionLimits.ListenerLimits(maximumOpen: many)
        switch self {
        case .limits: return try Admission(AdmissionLimits(maximumOpen: many, perListener: listener))
        case .rates:
            let both = AdmissionLimits.ListenerLimits(maximumOpen: many, rate: rate)
            return try Admission(AdmissionLimits(maximumOpen: many, rate: rate, perListener: both))
        case .rule: return try Admission(rules: Self.rules(1))
        case .rules: return try Admission(rules: Self.rules(10_000))
        case .sources:
            let source = AdmissionLimits.SourceLimits(maximumOpen: many, rate: rate)
            return try Admission(AdmissionLimits(perSource: source), rules: Self.rules(10_000))
        }
    }

    /// About networks in 10.0.0.0/8, from which no client comes.
    private static func rules(_ count: Int) throws -> SourceRules {
        try SourceRules(
            (0..<count).map { number in
                let prefix = try AddressPrefix("10.\(number / 256).\(number % 256).0/24")
                return (prefix, number.isMultiple(of: 2) ? .deny : .allow)
            },
            default: .allow
        )
    }
}
