internal import NBServer

/// A line of the tables: limits, what the servers do with the clients they let in, and what the figures must be.
struct FloodRow {
    /// What becomes of a client that is let in.
    enum Stay {
        /// It stays until the group stops.
        case toTheEnd
        /// All that are in leave when so many are in.
        case inRounds(Int)
        /// It leaves at once.
        case none
    }

    let name: String
    /// The limit at which those that are not let in are refused, or wait.
    let limit: AdmissionReason
    /// They wait.
    var waits = false
    let admission: Admission
    var listeners = 1
    var stay = Stay.toTheEnd
    /// How many are let in; for a flood that took so many whole seconds.
    let letIn: (_ seconds: Int) -> ClosedRange<Int>
    /// How many of one source are let in, if that is known.
    var letInOfSource: (FloodSource, _ seconds: Int) -> ClosedRange<Int>? = { _, _ in nil }
    var denied = 0
    var saysLastWord = false
    /// The flood takes no less time than this.
    var shortest = Duration.zero
}

extension FloodRow {
    /// All of them, for so many clients. A quarter is let in, or what is nearest to it.
    static func all(connections count: Int) throws -> [FloodRow] {
        let quarter = count / 4
        let ofSource = count / FloodSource.count
        let share = ofSource / 4
        let all = share * FloodSource.count
        let denied = try (1..<FloodSource.networks).map {
            (try FloodSource.prefix(ofNetwork: $0), SourceRules.Decision.deny)
        }
        let isLetIn: (FloodSource, Int) -> ClosedRange<Int>? = { source, _ in
            source.network == 0 ? ofSource...ofSource : 0...0
        }
        let lastWord = AdmissionLimits.Answer.lastWord(Array(Doorkeeper.lastWord.utf8))
        return [
            FloodRow(
                name: "open in all",
                limit: .open,
                admission: try Admission(AdmissionLimits(maximumOpen: quarter, whenReached: .reset)),
                letIn: { _ in quarter...quarter }
            ),
            FloodRow(
                name: "open in all, last word",
                limit: .open,
                admission: try Admission(AdmissionLimits(maximumOpen: quarter, whenReached: lastWord)),
                letIn: { _ in quarter...quarter },
                saysLastWord: true
            ),
            FloodRow(
                name: "open in all, others wait",
                limit: .open,
                waits: true,
                admission: try Admission(AdmissionLimits(maximumOpen: count / 10)),
                stay: .inRounds(count / 10),
                letIn: { _ in count...count }
            ),
            FloodRow(
                name: "open of a listener, two",
                limit: .openPerListener,
                admission: try Admission(
                    AdmissionLimits(
                        maximumOpen: quarter,
                        perListener: .init(maximumOpen: count / 10),
                        whenReached: .reset
                    )
                ),
                listeners: 2,
                letIn: { _ in 2 * (count / 10)...2 * (count / 10) }
            ),
            FloodRow(
                name: "rate",
                limit: .rate,
                admission: try Admission(
                    AdmissionLimits(rate: .init(perSecond: 1, burst: quarter), whenReached: .reset)
                ),
                letIn: { quarter...quarter + $0 + 1 }
            ),
            FloodRow(
                name: "rate, others wait",
                limit: .rate,
                waits: true,
                admission: try Admission(AdmissionLimits(rate: .init(perSecond: 4_000, burst: quarter))),
                stay: .none,
                letIn: { _ in count...count },
                // Those behind the burst come an interval after each other.
                shortest: .seconds(count - quarter) / 4_000
            ),
            FloodRow(
                name: "open of a source",
                limit: .openPerSource,
                admission: try Admission(AdmissionLimits(perSource: .init(maximumOpen: share))),
                letIn: { _ in all...all },
                letInOfSource: { _, _ in share...share }
            ),
            FloodRow(
                name: "rate of a source",
                limit: .ratePerSource,
                admission: try Admission(AdmissionLimits(perSource: .init(rate: .init(perSecond: 1, burst: share)))),
                letIn: { all...min(count, all + FloodSource.count * ($0 + 1)) },
                letInOfSource: { share...share + $1 + 1 }
            ),
            FloodRow(
                name: "3 rules",
                limit: .open,
                admission: try Admission(rules: try SourceRules(denied, default: .allow)),
                letIn: { _ in quarter...quarter },
                letInOfSource: isLetIn,
                denied: count - quarter
            ),
            FloodRow(
                name: "10,000 rules",
                limit: .open,
                admission: try Admission(
                    rules: try SourceRules(denied + otherRules(10_000 - denied.count), default: .allow)
                ),
                letIn: { _ in quarter...quarter },
                letInOfSource: isLetIn,
                denied: count - quarter
            ),
            // Each limit is as wide as what those before it leave, so none refuses a client of another one.
            FloodRow(
                name: "all of these",
                limit: .openPerSource,
                admission: try Admission(
                    AdmissionLimits(
                        maximumOpen: all / FloodSource.networks,
                        rate: .init(perSecond: 1, burst: all / FloodSource.networks),
                        perListener: .init(maximumOpen: all / FloodSource.networks),
                        perSource: .init(maximumOpen: share),
                        whenReached: .reset
                    ),
                    rules: try SourceRules(denied + otherRules(10_000 - denied.count), default: .allow)
                ),
                letIn: { _ in all / FloodSource.networks...all / FloodSource.networks },
                letInOfSource: { source, _ in source.network == 0 ? share...share : 0...0 },
                denied: count - quarter
            ),
        ]
    }

    /// Rules about networks that no client comes from.
    private static func otherRules(_ count: Int) throws -> [(AddressPrefix, SourceRules.Decision)] {
        try (0..<count).map {
            (try AddressPrefix("10.\($0 / 256).\($0 % 256).0/24"), $0.isMultiple(of: 2) ? .deny : .allow)
        }
    }
}
