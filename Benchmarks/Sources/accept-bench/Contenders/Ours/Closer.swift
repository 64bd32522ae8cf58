import NBServer

/// The work `none`: closes every connection.
struct Closer: NonBlockingServer {
    let tally: AcceptTally

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
