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
    /// Whether an interruption ends the run with a result, of what there was until then; otherwise it is thrown.
    var reportsInterruption = false
    /// Called now and then; throws to end the run at once.
    var progress: @Sendable (_ fraction: Double) throws -> Void = { _ in try Interruption.check() }

    /// Tells the progress, and whether that has found an interruption that is to be reported.
    func isInterrupted(_ elapsed: Moment) throws -> Bool {
        do {
            try progress(min(1, elapsed.seconds / max(0.001, seconds)))
            return false
        } catch is Interruption where reportsInterruption {
            return true
        }
    }
}
