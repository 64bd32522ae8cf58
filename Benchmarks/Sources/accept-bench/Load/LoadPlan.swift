import LoopbackClient
import Measuring

/// What a generator is to do, and when it is to give up.
struct LoadPlan: Sendable {
    var streams: [LoadStream]
    var sources: SourceAddresses
    /// For how long connections begin.
    var seconds: Double
    /// How long one connection may take.
    var patience = 5.0
    /// Called once, when every connection of a stream that waits for the others is established, with the one that was last.
    var whenConnected: (@Sendable (_ last: Int32) throws -> Void)?
    /// Called once, when all has ended that ends and what is to be held is held.
    var whenHeld: (@Sendable () throws -> Void)?
    /// Called now and then; throws to end the run at once.
    var progress: @Sendable (_ fraction: Double) throws -> Void = { _ in try Interruption.check() }
}
