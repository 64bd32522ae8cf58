import NBServer

/// The work `limited`: a worker for every connection answers ten requests and closes it.
struct LimitedResponder: NonBlockingServer {
    let tally: AcceptTally

    struct Worker: ConnectionWorker {
        private var answered = 0

        mutating func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {
            connection.send(Work.keptResponseText)
            answered += 1
            if answered < Work.requestsOfAConnection { connection.receive() } else { connection.close() }
        }
    }

    func makeWorker(_ connection: borrowing Connection, _ context: borrowing ServerContext) -> Worker {
        Worker()
    }

    consuming func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
