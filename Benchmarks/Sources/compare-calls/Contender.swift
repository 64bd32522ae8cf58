/// Somebody who is asked and waited for.
struct Contender {
    let name: String
    /// Asks so many times, one after the other.
    let ask: @Sendable (_ times: Int) throws -> Void

    /// What one of so many answers costs.
    func cost(of times: Int) throws -> Cost {
        let start = try Spending.soFar()
        try ask(times)
        return try Spending.soFar().cost(since: start, of: times)
    }
}
