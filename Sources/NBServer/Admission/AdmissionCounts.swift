/// A count for each ``AdmissionReason``.
///
/// ```swift
/// import NBServer
///
/// func report(_ counters: ServerCounters) {
///     print("\(counters.discardedByReason[.denied]) denied")
///     print(counters.discardedByReason)
/// }
/// ```
///
/// A value, without memory of its own; any thread.
public struct AdmissionCounts: Hashable, Sendable {
    private var counts = InlineArray<17, UInt64>(repeating: 0)

    /// Counts at zero.
    public init() {}

    /// How many there were for a reason.
    public subscript(reason: AdmissionReason) -> UInt64 {
        get { counts[reason.index] }
        set { counts[reason.index] = newValue }
    }

    /// How many there were for any reason.
    public var total: UInt64 { counts.indices.reduce(0) { $0 + counts[$1] } }

    /// Adds the counts of another server.
    public mutating func add(_ other: AdmissionCounts) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// The reasons for which there were any.
    private var reasons: [AdmissionReason] { AdmissionReason.allCases.filter { self[$0] > 0 } }

    /// Whether each count is the same.
    public static func == (left: AdmissionCounts, right: AdmissionCounts) -> Bool {
        left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
    }

    /// Hashes each count.
    public func hash(into hasher: inout Hasher) {
        for index in counts.indices { hasher.combine(counts[index]) }
    }
}

extension AdmissionCounts: ExpressibleByDictionaryLiteral {
    /// These counts, for tests of observers. If a reason stands twice, the last count counts.
    public init(dictionaryLiteral counts: (AdmissionReason, UInt64)...) {
        for (reason, count) in counts { self[reason] = count }
    }
}

extension AdmissionCounts: Codable {
    /// From an object of the counts that are not 0, by the names of their reasons. A name that is unknown is an error.
    public init(from decoder: any Decoder) throws {
        for (name, count) in try [String: UInt64](from: decoder) {
            guard let reason = AdmissionReason(rawValue: name) else {
                let words = "\(name) is no reason of nb-server"
                throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: words))
            }
            self[reason] = count
        }
    }

    /// As an object of the counts that are not 0, by the names of their reasons.
    public func encode(to encoder: any Encoder) throws {
        try Dictionary(uniqueKeysWithValues: reasons.map { ($0.rawValue, self[$0]) }).encode(to: encoder)
    }
}

extension AdmissionCounts: CustomStringConvertible {
    /// The counts for a log, without those of 0: `3 denied, 1 rate`.
    public var description: String { reasons.map { "\(self[$0]) \($0)" }.joined(separator: ", ") }
}
