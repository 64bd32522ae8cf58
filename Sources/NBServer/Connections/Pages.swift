/// Memory for values of one size, in pages that are never moved: each value has one address for life.
///
/// Of no type of its own: a generic one would look for metadata at every access to a worker, whose type the loop does not know. Owned
/// by a table of connections, of workers or of descriptors; loop's thread only.
struct Pages: ~Copyable {
    /// How many values a page holds.
    private static let pageSize = 256

    private let stride: Int
    private let alignment: Int
    private var pages: [UnsafeMutableRawPointer] = []

    init(stride: Int, alignment: Int) {
        self.stride = stride
        self.alignment = alignment
    }

    deinit {
        for page in pages { page.deallocate() }
    }

    /// How many values there is memory for.
    var capacity: Int { pages.count &* Self.pageSize }

    /// Where the value at an index is; the index is below the capacity.
    @inline(__always)
    func address(_ index: Int) -> UnsafeMutableRawPointer {
        pages[index / Self.pageSize] + (index % Self.pageSize) &* stride
    }

    /// Adds a page; returns the indices that are new.
    @discardableResult
    mutating func grow() -> Range<Int> {
        let first = capacity
        pages.append(.allocate(byteCount: Self.pageSize * stride, alignment: alignment))
        return first..<capacity
    }
}
