public import NBEngine

// What a ring submits for itself, beside the returns of buffers.
extension Token {
    /// What an alarm completes with; see ``Ring/prepareAlarm(at:isMoved:)``.
    public static let alarm = Token(kind: engineKind, generation: 1, slot: 0)
    /// What the move of an alarm completes with, if it fails.
    public static let movedAlarm = Token(kind: engineKind, generation: 2, slot: 0)
    /// What an operation completes with that only shows that the ring works.
    static let proof = Token(kind: engineKind, generation: 3, slot: 0)
}
