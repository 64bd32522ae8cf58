// What most tests expect, with the numbers in the report when it is not met.

import Testing

func expectAllGreeted(_ clients: borrowing Clients, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let tally = try clients.tally()
    #expect(tally == [.greeted: clients.count], sourceLocation: sourceLocation)
}

func expectOutcome(
    _ expected: Outcome,
    at address: Address,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let outcome = try outcome(at: address)
    #expect(outcome == expected, sourceLocation: sourceLocation)
}
