// Requests out of the bytes of a connection, one after the other, in whatever pieces they come. It knows no sockets.

/// A request, as far as it is there: its head, and its body if that was asked for.
package struct Request {
    package let head: RequestHead
    package var body: [UInt8] = []
}

/// What a connection has brought and nothing has answered yet.
package struct RequestReader {
    private let takesBodies: Bool
    /// The bytes that have come; those before `start` were read.
    private var unread: [UInt8] = []
    private var start = 0
    /// Up to here there is no end of a head.
    private var searched = 0
    /// How much of a body is still to be skipped.
    private var bodyLeft = 0
    /// A request whose body is not there yet.
    private var pending: Request?
    private var chunks = Chunks()

    /// A reader that skips bodies, or one that reads them.
    package init(takesBodies: Bool = false) {
        self.takesBodies = takesBodies
    }

    /// Takes what a client has sent.
    package mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { unread += $0 }
    }

    /// The next request, if it is there; one that is refused has its status. Nothing may be read after a request whose connection does not stay.
    package mutating func next() -> Request? {
        if pending == nil {
            skipBody()
            guard let head = nextHead() else {
                forgetRead()
                return nil
            }
            pending = Request(head: head)
        }
        guard let request = takesBodies ? completed() : pending else {
            // What was read of the body so far; a client could have its lengths fill the memory.
            forgetRead()
            return nil
        }
        pending = nil
        return request
    }

    private mutating func nextHead() -> RequestHead? {
        skipEmptyLines()
        let end = endOfHead()
        guard (end ?? unread.count) - start <= RequestHead.limit else {
            let hasRequestLine = unread[start...].prefix(RequestHead.limit).contains(UInt8(ascii: "\n"))
            return RequestHead(refusedWith: hasRequestLine ? .fieldsTooLarge : .uriTooLong)
        }
        guard let end else { return nil }
        let head = RequestHead(unread[start..<end], takesBodies: takesBodies)
        if !takesBodies || head.status != .ok { bodyLeft = head.bodyLength }
        start = end
        searched = end
        return head
    }

    private mutating func skipBody() {
        let count = min(bodyLeft, unread.count - start)
        bodyLeft -= count
        start += count
        searched = max(searched, start)
    }

    /// Those before a request line, which old clients send after a body (RFC 9112, 2.2).
    private mutating func skipEmptyLines() {
        while start < unread.count {
            if unread[start] == UInt8(ascii: "\n") {
                start += 1
            } else if unread[start...].starts(with: "\r\n".utf8) {
                start += 2
            } else {
                break
            }
        }
        searched = max(searched, start)
    }

    /// Where the empty line ends that ends a head. A line ends with LF, and perhaps a CR before it.
    private mutating func endOfHead() -> Int? {
        for index in searched..<unread.count where unread[index] == UInt8(ascii: "\n") {
            let line = unread[start..<index].suffix(2)
            if line.last == UInt8(ascii: "\n") || line.elementsEqual("\n\r".utf8) { return index + 1 }
        }
        searched = unread.count
        return nil
    }

    /// Nothing more can be read now, so what was read goes.
    private mutating func forgetRead() {
        guard start > 0 else { return }
        unread.removeFirst(start)
        searched -= start
        start = 0
    }
}

// Bodies that are read.
extension RequestReader {
    /// The pending request, if all of its body is there, or if it is refused.
    private mutating func completed() -> Request? {
        guard let head = pending?.head, head.status == .ok else { return pending }
        if head.isChunked { return completedByChunks(head) }
        guard head.bodyLength > 0 else { return pending }
        guard unread.count - start >= head.bodyLength else { return nil }
        let body = Array(unread[start..<start + head.bodyLength])
        start += head.bodyLength
        searched = start
        return Request(head: head, body: body)
    }

    private mutating func completedByChunks(_ head: RequestHead) -> Request? {
        do throws(Status) {
            let isWhole = try chunks.read(unread, from: &start)
            searched = start
            guard isWhole else { return nil }
            defer { chunks = Chunks() }
            return Request(head: head, body: chunks.body)
        } catch {
            return Request(head: RequestHead(refusedWith: error))
        }
    }
}

/// A body in chunks (RFC 9112, 7.1): each is a line with its length, so many bytes, and a line end. One of length 0 is the last; fields that
/// come after it are ignored.
private struct Chunks {
    private enum Part {
        case length
        case bytes(Int)
        case lineEnd
        case trailer
    }

    private var part = Part.length
    private(set) var body: [UInt8] = []
    private var trailerLength = 0

    /// Longer lines are refused.
    private static let lineLimit = 256

    /// Reads as much as there is.
    ///
    /// - Returns: whether the body is whole.
    /// - Throws: the status of a refusal. Here CR and LF end a line, and nothing else does: what two servers take for different lengths is no
    ///   length.
    mutating func read(_ bytes: [UInt8], from start: inout Int) throws(Status) -> Bool {
        while true {
            switch part {
            case .length:
                guard let line = try Self.line(bytes, &start) else { return false }
                let length = try Self.length(line)
                guard body.count + length <= RequestHead.bodyLimit else { throw .contentTooLarge }
                part = length > 0 ? .bytes(length) : .trailer
            case .bytes(let left):
                let count = min(left, bytes.count - start)
                body += bytes[start..<start + count]
                start += count
                guard count == left else {
                    part = .bytes(left - count)
                    return false
                }
                part = .lineEnd
            case .lineEnd:
                guard let line = try Self.line(bytes, &start) else { return false }
                guard line.isEmpty else { throw .badRequest }
                part = .length
            case .trailer:
                guard let line = try Self.line(bytes, &start) else { return false }
                if line.isEmpty { return true }
                trailerLength += line.count
                guard trailerLength <= RequestHead.limit else { throw .fieldsTooLarge }
            }
        }
    }

    private static func line(_ bytes: [UInt8], _ start: inout Int) throws(Status) -> ArraySlice<UInt8>? {
        let rest = bytes[start...].prefix(lineLimit)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
            guard rest.count < lineLimit else { throw .badRequest }
            return nil
        }
        guard end > start, bytes[end - 1] == UInt8(ascii: "\r") else { throw .badRequest }
        let line = bytes[start..<end - 1]
        guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == UInt8(ascii: "\t") }) else { throw .badRequest }
        start = end + 1
        return line
    }

    /// Hexadecimal digits. An extension behind a semicolon is ignored.
    private static func length(_ line: ArraySlice<UInt8>) throws(Status) -> Int {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        let rest = line[digits.endIndex...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard (1...8).contains(digits.count), rest.isEmpty || rest.first == UInt8(ascii: ";") else { throw .badRequest }
        var length = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): length = length << 4 | Int(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): length = length << 4 | Int(digit - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): length = length << 4 | Int(digit - UInt8(ascii: "A") + 10)
            default: throw .badRequest
            }
        }
        return length
    }
}
