/// A contender that is not, or not to the end, in a scenario.
struct Absence: Codable, Sendable {
    let scenario: String
    let variant: String
    let contender: String
    let reason: String
    /// It could not have been otherwise; else something went wrong.
    let isByNature: Bool

    init(_ scenario: any Scenario, _ contender: Contender, _ reason: String, isByNature: Bool) {
        self.scenario = scenario.name
        variant = scenario.variant
        self.contender = contender.name
        self.reason = reason
        self.isByNature = isByNature
    }
}
