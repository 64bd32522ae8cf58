/// Every scenario there is, in the order in which they are run.
enum ScenarioList {
    static let names = [
        "backlog", "storm", "turnaround", "limited", "rate", "listeners", "neighbor", "call", "hold", "idle",
    ]

    static func all(listeners: [Int], rates: [Double], callInterval: Int) -> [any Scenario] {
        let first: [any Scenario] = [Backlog(), Storm(), Turnaround(), Limited()]
        let rates: [any Scenario] = rates.map { Rate(perSecond: $0) }
        let listeners: [any Scenario] = listeners.map { Listeners(listeners: $0) }
        let last: [any Scenario] = [Neighbor(), Calls(callInterval: callInterval), Hold(), Idle()]
        return first + rates + listeners + last
    }
}
