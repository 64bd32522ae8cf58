/// A cast of a simulated sender.
struct SimulatedCast: Sendable {
    let origin: SimulatedCall.Origin
    /// The callback throws.
    let fails: Bool
}
