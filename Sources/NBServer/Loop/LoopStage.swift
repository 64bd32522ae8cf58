/// What is left to do until a loop has ended; drawn at ``Loop``.
enum LoopStage: Int, Comparable {
    case serving
    /// Accepts are cancelled; listeners close when theirs have ended.
    case closingListeners
    /// The behavior has terminated; connections take leave of their peers.
    case endingConnections
    /// Everything else has ended.
    case cancellingWakeUp
    case done
    /// Ended because the engine has failed.
    case lost

    static func < (earlier: LoopStage, later: LoopStage) -> Bool { earlier.rawValue < later.rawValue }
}
