import NBServer

/// The work `hold`: a worker for every connection sends the banner and listens until the client ends it.
struct Holder: NonBlockingServer {
    let tally: AcceptTally

    struct Worker: ConnectionWorker {
        static var options: WorkerOptions { WorkerOptions(receiving: .continuous) }

        func connected(_ connection: borrowing WorkerConnection<Self>) {
            connection.send(Work.bannerText)
        }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
    }

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Worker {
        Worker()
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        tally.note(context.counters.accepted)
    }
}
