import NBServer

@testable import accept_bench

/// Sends the banner as ``Greeter`` does, and says at once how many it has accepted, for a test that waits for them.
struct CountingGreeter: NonBlockingServer {
    let tally: AcceptTally

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send(Work.bannerText)
        tally.note(context.counters.accepted)
        return .continue
    }
}
