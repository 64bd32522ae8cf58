/// What a contender came to in a scenario, over all rounds.
struct Row: Codable, Sendable {
    let scenario: String
    let variant: String
    let contender: String
    /// Medians over the valid rounds.
    let medians: [Metric: Double]
    /// Of the metric that contenders are compared by: the quartiles, and the median of the ratios to the ceiling in the same
    /// round. Not the ratio of the medians: a shared machine is fast in some rounds and slow in others, for all alike.
    let lowerQuartile: Double?
    let upperQuartile: Double?
    let ratio: Double?
    /// The quartiles of those ratios.
    let ratioLowerQuartile: Double?
    let ratioUpperQuartile: Double?
    /// The medians of the ratios to the C loop that ends connections in the same way, of nb-server, and to the one on epoll.
    let ratioToSameInC: Double?
    let ratioToEpoll: Double?
    let rounds: Int
    let validRounds: Int
    /// How many of the valid rounds had the generator at its limit.
    let generatorLimitedRounds: Int
    /// More than half of them: then rates and latencies are bounds and no verdict, and only what a connection costs is one.
    let isGeneratorLimited: Bool
    let notes: [String]
    /// It cannot take part.
    let isAbsentByNature: Bool
    let isExternal: Bool
}
