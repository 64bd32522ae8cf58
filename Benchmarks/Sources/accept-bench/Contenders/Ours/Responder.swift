import NBServer

/// The work `turnaround`: a worker for every connection answers its request and closes it.
struct Responder: NonBlockingServer {
    let tally: AcceptTally

    struct Worker: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(Work.responseText)
            connection.close()
        }
    }

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Worker {
        Worker()
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
