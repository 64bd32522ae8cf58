/// A table of workers whose type the loop need not know.
///
/// Owned by the loop's state; loop's thread only.
class AnyWorkerTable {
    // A pointer, because a stored property would be checked for exclusive access at every callback.
    final let pages: UnsafeMutablePointer<WorkerPages>

    init(_ pages: consuming WorkerPages) {
        self.pages = .allocate(capacity: 1)
        self.pages.initialize(to: pages)
    }

    deinit {
        pages.deinitialize(count: 1)
        pages.deallocate()
    }

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

    func sent(_ index: UInt32, _ connection: borrowing WorkerConnection) throws {
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
