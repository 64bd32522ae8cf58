/// What one contender came to in one round of one scenario.
struct Sample: Codable, Sendable {
    var scenario: String
    /// What the scenario was run with, such as how many listeners; empty if there is only one way.
    var variant: String
    var contender: String
    var round: Int
    var values: [Metric: Double] = [:]
    var ledger = ConnectionLedger()
    var seconds = 0.0
    /// What else the server's CPU did meanwhile, and its clients' CPUs together.
    var onServerCPU = CPUShare()
    var onClientCPUs = CPUShare()
    /// Counters of dropped connections that have moved.
    var drops: [String: Int] = [:]
    var retransmissions = 0
    /// The generator could not offer more: how fast the server is was not seen.
    var isGeneratorLimited = false
    /// Why it says nothing.
    var invalid: String?
    /// All that went into the quantiles, to be put together with other rounds'; not written out.
    var distribution: Latencies?

    private enum CodingKeys: CodingKey {
        case scenario, variant, contender, round, values, ledger, seconds, onServerCPU, onClientCPUs, drops,
            retransmissions
        case isGeneratorLimited, invalid
    }

    /// Decides whether it says something.
    mutating func judge() {
        if let complaint = ledger.complaint {
            invalid = complaint
        } else if !drops.isEmpty {
            let words = drops.sorted { $0.key < $1.key }.map { "\($0.key) +\($0.value)" }
            invalid = "the kernel dropped: " + words.joined(separator: ", ")
        }
    }

    /// Decides it once more at the server's end: what it accepted has to be what its clients connected.
    mutating func balance(accepted: Int, connected: Int) {
        guard accepted != connected, invalid == nil else { return }
        invalid = "it accepted \(accepted) of \(connected) connections"
    }
}
