internal import Measuring

/// A row of the table: what its clients have come to.
struct Tally {
    static let columns: [Table.Column] = [
        .text("row"), .number("clients"), .number("whole"), .number("expired"), .number("left"), .number("nothing"),
        .number("cut"), .number("short end"), .number("no end"), .number("other"), .number("reset after"),
    ]

    private(set) var connections = 0
    private(set) var lost = 0
    private var outcomes: [Outcome: Int] = [:]
    /// What was not to be, and how often.
    private(set) var complaints: [Outcome: Int] = [:]
    private var resetAfterEnd = 0

    mutating func add(_ client: Client) {
        connections += 1
        let outcome = client.outcome ?? .hung
        outcomes[outcome, default: 0] += 1
        if outcome != client.manner.outcome {
            lost += 1
            complaints[outcome, default: 0] += 1
        }
        if client.wasResetAfterEnd { resetAfterEnd += 1 }
    }

    func row(_ name: String) -> [String] {
        let known: [Outcome] = [.whole, .expired, .left, .nothing, .cut, .short, .noEnd]
        let others = Outcome.allCases.filter { !known.contains($0) }
        let counts = known.map { outcomes[$0, default: 0] } + [others.reduce(0) { $0 + outcomes[$1, default: 0] }]
        return [name] + ([connections] + counts + [resetAfterEnd]).map(\.grouped)
    }

    static func + (one: Tally, other: Tally) -> Tally {
        var sum = one
        sum.connections += other.connections
        sum.lost += other.lost
        sum.outcomes.merge(other.outcomes, uniquingKeysWith: +)
        sum.complaints.merge(other.complaints, uniquingKeysWith: +)
        sum.resetAfterEnd += other.resetAfterEnd
        return sum
    }
}
