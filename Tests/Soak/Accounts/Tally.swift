internal import Measuring

/// A row of the table: what the rounds of a phase came to.
struct Tally {
    static let columns: [Table.Column] = [
        .text("phase"), .number("rounds"), .number("connections"), .number("greeted"), .number("echoed"),
        .number("rude"), .number("turned away"), .number("discarded"), .number("problems"),
    ]

    private var rounds = 0
    private(set) var connections = 0
    private var greeted = 0
    private var echoed = 0
    private var rude = 0
    private var turnedAway = 0
    private var discarded = 0
    private(set) var problems = 0

    /// Adds a round of the phase, whether or not it went to its end.
    mutating func add(_ ledger: Ledger) {
        rounds += 1
        let established = ledger.clients.filter(\.isEstablished)
        connections += established.count
        for client in established {
            switch client.outcome {
            case .greeted: greeted += 1
            case .echoed: echoed += 1
            case .rude: rude += 1
            case .turnedAway: turnedAway += 1
            case .refused, .failed, nil: break
            }
        }
        discarded += ledger.ended.reduce(0) { $0 + $1[.discarded] }
        problems += ledger.problems.count
    }

    func row(_ name: String) -> [String] {
        let numbers = [rounds, connections, greeted, echoed, rude, turnedAway, discarded, problems]
        return [name] + numbers.map(\.grouped)
    }

    static func + (one: Tally, other: Tally) -> Tally {
        var sum = one
        sum.rounds += other.rounds
        sum.connections += other.connections
        sum.greeted += other.greeted
        sum.echoed += other.echoed
        sum.rude += other.rude
        sum.turnedAway += other.turnedAway
        sum.discarded += other.discarded
        sum.problems += other.problems
        return sum
    }
}
