import Glibc
import Testing

@testable import NBServer

/// A program with a loop of its own around `poll(2)`, which turns an embedded server whenever that asks for it, and for no other reason.
///
/// A descriptor that stays silent for a minute has missed something.
struct PollingHost {
    struct FellAsleep: Error {}

    let embedded: EmbeddedServer
    /// The budgets of its turns, from the smallest to the largest.
    let budgets: ClosedRange<Int>
    private var random = Randomness(seed: 1)

    init(_ embedded: EmbeddedServer, budgets: ClosedRange<Int> = 1...100) {
        self.embedded = embedded
        self.budgets = budgets
    }

    /// Waits for the descriptor, and makes a turn. What the turn returns is left aside: the descriptor says the same.
    @discardableResult
    mutating func turn() throws -> EmbeddedServer.TurnResult {
        guard isReadable(within: 60_000) else { throw FellAsleep() }
        return embedded.turn(budget: nextBudget())
    }

    private mutating func nextBudget() -> Int { budgets.lowerBound + random.below(budgets.count) }

    /// Turns until something has come about.
    mutating func turn(until isDone: () throws -> Bool) throws {
        while try !isDone() { try turn() }
    }

    /// Turns while the descriptor asks for it, or does so soon. That of a server at rest does not.
    mutating func turnUntilSilent(within milliseconds: Int32 = 0) {
        while isReadable(within: milliseconds) { embedded.turn(budget: nextBudget()) }
    }

    /// Turns until the server has ended.
    mutating func turnToTheEnd() throws -> StopReason {
        while true {
            if case .done(let reason) = try turn() { return reason }
        }
    }

    func isReadable(within milliseconds: Int32) -> Bool {
        poll(embedded.descriptor, POLLIN, limit: milliseconds)
    }
}
