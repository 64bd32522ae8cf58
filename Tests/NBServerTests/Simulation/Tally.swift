/// What histories came to, for the summary.
struct Tally {
    var histories = 0
    /// Turns of the loop: the invariants were checked after each.
    var steps = 0
    var accepted = 0
    private var faults = [Int](repeating: 0, count: Fault.allCases.count)

    mutating func note(_ fault: Fault) {
        faults[fault.rawValue] += 1
    }

    subscript(fault: Fault) -> Int { faults[fault.rawValue] }

    static func += (total: inout Tally, more: Tally) {
        total.histories += more.histories
        total.steps += more.steps
        total.accepted += more.accepted
        for index in total.faults.indices { total.faults[index] += more.faults[index] }
    }

    var description: String {
        let total = faults.reduce(0, +)
        let kinds = Fault.allCases.map { "\($0) \(self[$0])" }.joined(separator: ", ")
        return "\(histories) histories, \(steps) steps, \(accepted) connections\n\(total) faults: \(kinds)"
    }
}
