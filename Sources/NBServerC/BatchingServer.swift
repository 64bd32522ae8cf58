internal import NBServer

/// The behavior behind the C interface: it collects what is accepted, for the program to take in batches.
///
/// Owned by its server. It allocates nothing for a connection.
struct BatchingServer: NonBlockingServer, ~Copyable {
    private let deliveries: Deliveries
    // The deliveries' own, at hand because every connection needs it.
    private let batch: UnsafeMutablePointer<Batch>

    init(_ deliveries: Deliveries) {
        self.deliveries = deliveries
        batch = deliveries.batch
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        batch.pointee.append(connection)
        if batch.pointee.isFull { deliveries.flush() }
        return .continue
    }
}
