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

    func connected(_ index: UInt32, _ place: WorkerPlace) throws {
        fatalError("abstract")
    }

    func received(
        _ index: UInt32,
        _ bytes: UnsafeRawBufferPointer,
        _ place: WorkerPlace
    ) throws {
        fatalError("abstract")
    }

    func sent(_ index: UInt32, _ place: WorkerPlace) throws {
        fatalError("abstract")
    }

    func becameWritable(_ index: UInt32, _ place: WorkerPlace) throws {
        fatalError("abstract")
    }

    func timedOut(_ index: UInt32, _ limit: TimeLimit, _ place: WorkerPlace) throws {
        fatalError("abstract")
    }

    func inputEnded(_ index: UInt32, _ place: WorkerPlace) throws {
        fatalError("abstract")
    }

    func shouldFinish(_ index: UInt32, _ place: WorkerPlace) throws {
        fatalError("abstract")
    }

    /// Ends a worker's life, and frees its place.
    func closed(_ index: UInt32, _ reason: CloseReason, _ place: WorkerPlace) {
        fatalError("abstract")
    }
}
