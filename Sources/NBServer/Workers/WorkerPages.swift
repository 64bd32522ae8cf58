/// Memory for the workers of one type, whatever that is, used again newest first.
///
/// Owned by the ``AnyWorkerTable``; loop's thread only.
struct WorkerPages: ~Copyable {
    private var pages: Pages
    /// How many places have had a worker.
    private var usedCount = 0
    private var vacant: [UInt32] = []

    init(stride: Int, alignment: Int) {
        pages = Pages(stride: stride, alignment: alignment)
    }

    deinit {
        assert(vacant.count == usedCount, "every worker has ended before its table does")
    }

    /// Where a worker is.
    func address(_ index: UInt32) -> UnsafeMutableRawPointer { pages.address(Int(index)) }

    /// Takes an index for a worker.
    mutating func take() -> UInt32 {
        if let index = vacant.popLast() { return index }
        if usedCount == pages.capacity { pages.grow() }
        usedCount += 1
        return UInt32(usedCount - 1)
    }

    /// Takes an index back, at which there is no worker any more.
    mutating func give(_ index: UInt32) {
        vacant.append(index)
    }
}

/// Where the worker of a connection is: in which of the server's tables, and where there.
///
/// Part of the connection's slot; loop's thread only.
struct WorkerAddress: Hashable {
    /// From 1; 0 is no worker.
    let table: UInt16
    let index: UInt32

    static let none = WorkerAddress(table: 0, index: 0)
}
