// What most tests expect, with the numbers in the report when it is not met.

@preconcurrency import Glibc
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

/// Soup greets clients that come one by one, and a crowd that has waited; SIGTERM ends it well.
func expectGreetsAndEnds(_ soup: inout Soup, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let tally = try oneAfterTheOther(100, to: soup.address)
    #expect(tally == [.greeted: 100], sourceLocation: sourceLocation)
    try soup.pause()
    let clients = try Clients(1_000, to: soup.address)
    soup.resume()
    try expectAllGreeted(clients, sourceLocation: sourceLocation)
    soup.child.signal(SIGTERM)
    let ending = try soup.child.wait()
    #expect(ending == .exited(0), sourceLocation: sourceLocation)
}
