/// Where a stream of bytes is cut into what is delivered at a time.
///
/// Pure: it is shown what has arrived and was not delivered, and says where the next frame is.
package enum FrameCut: Hashable, Sendable {
    /// The bytes to deliver, and where the next frame begins.
    case frame(Range<Int>, next: Int)
    /// There is more to come before anything can be delivered.
    case incomplete
    /// The frame is longer than it may be.
    case tooLong

    /// Cuts where a framing says.
    ///
    /// Of the bytes, `searched` are known to hold no line's end, so that a line that comes byte by byte is not looked through
    /// again with each.
    @inline(__always)
    package init(
        _ framing: WorkerOptions.Framing,
        _ bytes: UnsafeRawBufferPointer,
        limit: Int,
        searched: Int = 0
    ) {
        switch framing {
        case .raw: self = .frame(0..<bytes.count, next: bytes.count)
        case .lengthHeader(let header): self.init(bytes, header: header.rawValue, limit: limit)
        case .line: self.init(linesIn: bytes, limit: limit, searched: searched)
        }
    }

    /// Cuts after so many bytes.
    package init(_ bytes: UnsafeRawBufferPointer, exactly count: Int) {
        self = bytes.count < count ? .incomplete : .frame(0..<count, next: count)
    }

    /// Cuts what is left at the end of a stream and holds no line feed: the end of the stream counts as one. There must be bytes.
    package init(lastLine bytes: UnsafeRawBufferPointer, limit: Int) {
        let end = bytes.last == UInt8(ascii: "\r") ? bytes.count - 1 : bytes.count
        self = end > limit ? .tooLong : .frame(0..<end, next: bytes.count)
    }

    private init(_ bytes: UnsafeRawBufferPointer, header: Int, limit: Int) {
        guard bytes.count >= header else {
            self = .incomplete
            return
        }
        let length = bytes.prefix(header).reduce(0) { $0 << 8 | Int($1) }
        if length > limit {
            self = .tooLong
        } else if bytes.count < header + length {
            self = .incomplete
        } else {
            self = .frame(header..<header + length, next: header + length)
        }
    }

    /// A line's end counts neither as part of it nor against its limit.
    private init(linesIn bytes: UnsafeRawBufferPointer, limit: Int, searched: Int) {
        guard let feed = bytes.prefix(limit + 2).dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) else {
            self = bytes.count >= limit + 2 ? .tooLong : .incomplete
            return
        }
        let end = feed > 0 && bytes[feed - 1] == UInt8(ascii: "\r") ? feed - 1 : feed
        self = end > limit ? .tooLong : .frame(0..<end, next: feed + 1)
    }
}
