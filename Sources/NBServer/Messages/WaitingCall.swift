/// A call whatever its reply.
///
/// Held by the server's ledger and, while it has a time limit, by the clock of calls. Any thread.
protocol WaitingCall: AnyObject, Sendable {
    /// Ends it without an answer, unless it has one.
    func fail(_ error: CallError)
}
