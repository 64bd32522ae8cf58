/// What histories came to, for the summary.
struct Tally {
    var histories = 0
    /// Turns of the loop: the invariants were checked after each.
    var steps = 0
    var accepted = 0
    private var faults = [Int](repeating: 0, count: Fault.allCases.count)
    private var deeds = [Int](repeating: 0, count: Deed.allCases.count)

    mutating func note(_ fault: Fault) {
        faults[fault.rawValue] += 1
    }

    mutating func note(_ deed: Deed) {
        deeds[deed.rawValue] += 1
    }

    subscript(fault: Fault) -> Int { faults[fault.rawValue] }

    subscript(deed: Deed) -> Int { deeds[deed.rawValue] }

    static func += (total: inout Tally, more: Tally) {
        total.histories += more.histories
        total.steps += more.steps
        total.accepted += more.accepted
        for index in total.faults.indices { total.faults[index] += more.faults[index] }
        for index in total.deeds.indices { total.deeds[index] += more.deeds[index] }
    }

    var description: String {
        """
        \(histories) histories, \(steps) steps, \(accepted) connections
        \(faults.reduce(0, +)) faults: \(Fault.allCases.map { "\($0) \(self[$0])" }.joined(separator: ", "))
        \(deeds.reduce(0, +)) deeds: \(Deed.allCases.map { "\($0) \(self[$0])" }.joined(separator: ", "))
        """
    }
}
