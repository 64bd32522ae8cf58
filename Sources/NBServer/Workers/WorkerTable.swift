/// The workers of one type.
///
/// Owned by the loop's state; loop's thread only.
final class WorkerTable<Worker: ConnectionWorker & ~Copyable>: AnyWorkerTable {
    init() {
        super.init(
            WorkerPages(stride: MemoryLayout<Worker>.stride, alignment: MemoryLayout<Worker>.alignment)
        )
    }

    private func worker(_ index: UInt32) -> UnsafeMutablePointer<Worker> {
        pages.pointee.address(index).assumingMemoryBound(to: Worker.self)
    }

    /// Delivers a message.
    func handleMessage(_ index: UInt32, _ message: Worker.Message, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.handleMessage(message, connection)
    }

    override func connected(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.connected(connection)
    }

    override func received(
        _ index: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ connection: borrowing WorkerConnection
    ) throws {
        try worker(index).pointee.received(bytes.assumingMemoryBound(to: UInt8.self).span, connection)
    }

    override func sent(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.sent(connection)
    }

    override func writable(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.writable(connection)
    }

    override func timeout(_ index: UInt32, _ limit: TimeLimit, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.timeout(limit, connection)
    }

    override func peerClosed(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.peerClosed(connection)
    }

    override func finish(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try worker(index).pointee.finish(connection)
    }

    override func close(_ index: UInt32, _ reason: CloseReason) {
        worker(index).move().closed(reason)
        pages.pointee.give(index)
    }
}
