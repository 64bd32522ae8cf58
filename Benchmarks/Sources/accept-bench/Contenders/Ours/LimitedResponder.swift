import NBServer

/// The work `limited`: a worker for every connection answers ten requests and closes it.
struct LimitedResponder: NonBlockingServer {
    let tally: AcceptTally

    struct Worker: ConnectionWorker {
        private var answered = 0

        mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(Work.keptResponseText)
            answered += 1
            if answered == Work.requestsOfAConnection { connection.close() }
        }
    }

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Worker {
        Worker()
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
