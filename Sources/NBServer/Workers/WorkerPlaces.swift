/// Memory for the workers of one type, whatever that is.
///
/// Places are in pages that are never moved, and are used again newest first. Of no type of its own, since a generic one would
/// look for metadata at every access. Owned by the ``WorkerBox``; loop's thread only.
struct WorkerPlaces: ~Copyable {
    private static let pageSize: UInt32 = 256

    private let stride: Int
    private let alignment: Int
    private var pages: [UnsafeMutableRawPointer] = []
    private var vacant: [UInt32] = []

    init(stride: Int, alignment: Int) {
        self.stride = stride
        self.alignment = alignment
    }

    deinit {
        assert(vacant.count == pages.count * Int(Self.pageSize), "every worker has ended before its table does")
        for page in pages { page.deallocate() }
    }

    /// Where a worker is.
    func address(_ index: UInt32) -> UnsafeMutableRawPointer {
        pages[Int(index / Self.pageSize)] + Int(index % Self.pageSize) * stride
    }

    /// Takes a place for a worker.
    mutating func take() -> UInt32 {
        if vacant.isEmpty { addPage() }
        return vacant.removeLast()
    }

    /// Takes a place back, in which there is no worker any more.
    mutating func give(_ index: UInt32) {
        vacant.append(index)
    }

    private mutating func addPage() {
        let first = UInt32(pages.count) * Self.pageSize
        pages.append(.allocate(byteCount: Int(Self.pageSize) * stride, alignment: alignment))
        for index in (first..<first + Self.pageSize).reversed() { vacant.append(index) }
    }
}
