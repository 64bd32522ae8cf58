/// What became of every connection of a stream.
struct ConnectionLedger: Codable, Equatable, Sendable {
    /// Begun: the sum of all others.
    var started = 0
    /// Established, whatever became of them then.
    var connected = 0
    /// Ended, or held, as they should, with the answer that was expected.
    var answered = 0
    /// Nobody listened.
    var refused = 0
    /// Reset by the server once established, or while connecting.
    var reset = 0
    /// Not over in time.
    var timedOut = 0
    /// The server said something else than expected, or ended too early.
    var wrong = 0
    /// Failed in another way; ``lastError`` says how the last one did.
    var failed = 0
    var lastError: Int32 = 0
    /// In flight when the run was interrupted: neither the server's failure nor the client's.
    var cutOff = 0
    /// Due in an open loop, and not begun by the end of the run.
    var unstarted = 0

    var isClean: Bool { answered + cutOff == started && unstarted == 0 }

    mutating func add(_ other: ConnectionLedger) {
        started += other.started
        connected += other.connected
        answered += other.answered
        refused += other.refused
        reset += other.reset
        timedOut += other.timedOut
        wrong += other.wrong
        failed += other.failed
        cutOff += other.cutOff
        unstarted += other.unstarted
        if other.lastError != 0 { lastError = other.lastError }
    }

    /// What went wrong, in words; nil when nothing did.
    var complaint: String? {
        let parts = [
            (refused, "refused"), (reset, "reset"), (timedOut, "timed out"), (wrong, "answered wrongly"),
            (failed, "failed with errno \(lastError)"), (unstarted, "due and not begun"),
        ]
        let words = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return words.isEmpty ? nil : "of \(started) connections " + words.joined(separator: ", ")
    }
}
