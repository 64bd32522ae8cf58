/// The workers of one type.
///
/// Owned by the loop's state; loop's thread only.
final class WorkerTable<Worker: ConnectionWorker & ~Copyable>: WorkerBox {
    init() {
        super.init(
            WorkerPlaces(stride: MemoryLayout<Worker>.stride, alignment: MemoryLayout<Worker>.alignment)
        )
    }

    private func place(_ index: UInt32) -> UnsafeMutablePointer<Worker> {
        places.pointee.address(index).assumingMemoryBound(to: Worker.self)
    }

    /// Delivers a message.
    func handleMessage(_ index: UInt32, _ message: Worker.Message, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.handleMessage(message, connection)
    }

    override func connected(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.connected(connection)
    }

    override func received(
        _ index: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ connection: borrowing WorkerConnection
    ) throws {
        try place(index).pointee.received(bytes.assumingMemoryBound(to: UInt8.self).span, connection)
    }

    override func sent(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.sent(connection)
    }

    override func writable(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.writable(connection)
    }

    override func timeout(_ index: UInt32, _ limit: TimeLimit, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.timeout(limit, connection)
    }

    override func peerClosed(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.peerClosed(connection)
    }

    override func finish(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        try place(index).pointee.finish(connection)
    }

    override func close(_ index: UInt32, _ reason: CloseReason) {
        place(index).move().closed(reason)
        places.pointee.give(index)
    }
}
