/// A table of workers whose type the loop need not know.
///
/// Owned by the loop's state; loop's thread only.
class WorkerBox {
    func connected(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        fatalError("abstract")
    }

    func received(
        _ index: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ connection: borrowing WorkerConnection
    ) throws {
        fatalError("abstract")
    }

    func writable(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        fatalError("abstract")
    }

    func timeout(_ index: UInt32, _ limit: TimeLimit, _ connection: borrowing WorkerConnection) throws {
        fatalError("abstract")
    }

    func peerClosed(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        fatalError("abstract")
    }

    func finish(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
        fatalError("abstract")
    }

    /// Ends a worker's life, and frees its place.
    func close(_ index: UInt32, _ reason: CloseReason) {
        fatalError("abstract")
    }
}
