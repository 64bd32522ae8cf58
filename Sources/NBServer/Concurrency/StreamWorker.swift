/// The worker of a connection whose bytes tasks receive and send: it passes everything on to their ``ByteStream``.
///
/// Owned by the loop's state; server's thread only.
struct StreamWorker: ConnectionWorker {
    let stream: ByteStream

    func connected(_ connection: borrowing WorkerConnection<Self>) {
        stream.exchange(with: connection)
    }

    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        if stream.arrived(bytes) { connection.receive(.manual) }
    }

    func becameWritable(_ connection: borrowing WorkerConnection<Self>) {
        stream.exchange(with: connection)
    }

    func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) {
        stream.timedOut(limit)
        if limit == .send { connection.reset() } else { connection.close() }
    }

    func inputEnded(_ connection: borrowing WorkerConnection<Self>) {
        stream.endInput(cutByteCount: connection.cutByteCount)
    }

    /// The task comes to its end as it does when its peer ends the stream.
    func shouldFinish(_ connection: borrowing WorkerConnection<Self>) {
        stream.endInput(cutByteCount: 0)
        connection.receive(.manual)
    }

    func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
        stream.end(reason, on: connection)
    }
}
