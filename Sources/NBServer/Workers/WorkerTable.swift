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
    func handleMessage(_ index: UInt32, _ message: Worker.Message, _ place: WorkerPlace) throws {
        try worker(index).pointee.handleMessage(message, on: WorkerConnection(place))
    }

    override func connected(_ index: UInt32, _ place: WorkerPlace) throws {
        try worker(index).pointee.connected(WorkerConnection(place))
    }

    override func received(
        _ index: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ place: WorkerPlace
    ) throws {
        try worker(index).pointee.received(
            bytes.assumingMemoryBound(to: UInt8.self).span,
            on: WorkerConnection(place)
        )
    }

    override func sent(_ index: UInt32, _ place: WorkerPlace) throws {
        try worker(index).pointee.sent(WorkerConnection(place))
    }

    override func becameWritable(_ index: UInt32, _ place: WorkerPlace) throws {
        try worker(index).pointee.becameWritable(WorkerConnection(place))
    }

    override func timedOut(_ index: UInt32, _ limit: TimeLimit, _ place: WorkerPlace) throws {
        try worker(index).pointee.timedOut(limit, on: WorkerConnection(place))
    }

    override func inputEnded(_ index: UInt32, _ place: WorkerPlace) throws {
        try worker(index).pointee.inputEnded(WorkerConnection(place))
    }

    override func shouldFinish(_ index: UInt32, _ place: WorkerPlace) throws {
        try worker(index).pointee.shouldFinish(WorkerConnection(place))
    }

    override func closed(_ index: UInt32, _ reason: CloseReason, _ place: WorkerPlace) {
        worker(index).move().closed(reason, on: WorkerConnection(place))
        pages.pointee.give(index)
    }
}
