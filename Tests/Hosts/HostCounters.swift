/// What a host's server has counted, as the host prints it: `accepted 3, delivered 2, discarded 1`.
struct HostCounters: Equatable {
    let accepted: Int
    let delivered: Int
    let discarded: Int

    init(accepted: Int, delivered: Int, discarded: Int = 0) {
        self.accepted = accepted
        self.delivered = delivered
        self.discarded = discarded
    }

    /// - Parameter line: the words after `accepted`.
    init?(_ line: String) {
        let words = line.split(separator: " ")
        let numbers = words.compactMap { Int($0.filter { $0 != "," }) }
        guard numbers.count == 3, words.count == 5, words[1] == "delivered", words[3] == "discarded" else { return nil }
        self.init(accepted: numbers[0], delivered: numbers[1], discarded: numbers[2])
    }
}

extension HostCounters: CustomStringConvertible {
    var description: String { "accepted \(accepted), delivered \(delivered), discarded \(discarded)" }
}
