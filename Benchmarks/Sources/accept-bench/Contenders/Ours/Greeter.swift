import NBServer

/// The work `banner`: sends it and closes the connection. It can be called.
struct Greeter: NonBlockingServer {
    let tally: AcceptTally

    enum Call: Sendable {
        case ping(Caller<Void>)
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send(Work.bannerText)
        return .continue
    }

    func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .ping(let caller): caller.reply()
        }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
