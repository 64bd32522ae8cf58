/// A record for each descriptor an ``EpollEngine`` has met, found by its number.
///
/// Records are in pages, so that they stay where they are when there are more; only the list of pages grows, to twice its length.
/// As many as there ever were are kept. Owned by the engine; its thread only.
struct DescriptorTable: ~Copyable {
    typealias Record = UnsafeMutablePointer<DescriptorRecord>

    private var pages: UnsafeMutablePointer<Record?>
    private var pageCount: Int

    private static let pageShift: Int32 = 10
    private static let pageSize = 1 << 10

    init() {
        pageCount = 1
        pages = .allocate(capacity: 1)
        pages.initialize(to: nil)
    }

    deinit {
        for page in 0..<pageCount { pages[page]?.deallocate() }
        pages.deallocate()
    }

    /// The record of a descriptor, which is not negative.
    @inline(__always)
    mutating func record(_ descriptor: Int32) -> Record {
        let page = Int(descriptor >> Self.pageShift)
        if page < pageCount, let records = pages[page] { return records + Int(descriptor) & (Self.pageSize - 1) }
        return addPage(page) + Int(descriptor) & (Self.pageSize - 1)
    }

    @inline(never)
    private mutating func addPage(_ page: Int) -> Record {
        if page >= pageCount {
            let count = max(2 * pageCount, page + 1)
            let larger = UnsafeMutablePointer<Record?>.allocate(capacity: count)
            larger.initialize(from: pages, count: pageCount)
            (larger + pageCount).initialize(repeating: nil, count: count - pageCount)
            pages.deallocate()
            (pages, pageCount) = (larger, count)
        }
        let records = Record.allocate(capacity: Self.pageSize)
        records.initialize(repeating: DescriptorRecord(), count: Self.pageSize)
        pages[page] = records
        return records
    }
}
