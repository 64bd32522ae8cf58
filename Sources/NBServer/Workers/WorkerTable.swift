/// The workers of one type.
///
/// They live in pages that are never moved, in places that are used again newest first, so that a connection's worker costs
/// no allocation in a steady state. Owned by the loop's state; loop's thread only.
final class WorkerTable<Worker: ConnectionWorker & ~Copyable>: WorkerBox {
    private static var pageSize: Int { 256 }

    private var pages: [UnsafeMutablePointer<Worker>] = []
    private var vacant: [UInt32] = []

    deinit {
        assert(vacant.count == pages.count * Self.pageSize, "every worker has ended before its table does")
        for page in pages { page.deallocate() }
    }

    /// Gives a worker a place.
    func add(_ worker: consuming Worker) -> UInt32 {
        if vacant.isEmpty { addPage() }
        let index = vacant.removeLast()
        place(index).initialize(to: worker)
        return index
    }

    private func addPage() {
        let first = UInt32(pages.count * Self.pageSize)
        pages.append(.allocate(capacity: Self.pageSize))
        for index in (first..<first + UInt32(Self.pageSize)).reversed() { vacant.append(index) }
    }

    private func place(_ index: UInt32) -> UnsafeMutablePointer<Worker> {
        let (page, place) = Int(index).quotientAndRemainder(dividingBy: Self.pageSize)
        return pages[page] + place
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
        vacant.append(index)
    }
}
