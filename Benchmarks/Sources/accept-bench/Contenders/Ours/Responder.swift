import NBServer

/// The work `turnaround`: a worker for every connection answers its request and closes it.
struct Responder: NonBlockingServer {
    let tally: AcceptTally

    struct Worker: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {
            connection.send(Work.responseText)
            connection.close()
        }
    }

    func makeWorker(_ connection: borrowing Connection, _ context: borrowing ServerContext) -> Worker {
        Worker()
    }

    consuming func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
