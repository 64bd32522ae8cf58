@testable import NBServer

/// Where a stream is to be cut, found in the simplest way.
enum SimulatedCut: Equatable {
    /// What is delivered, and where the next frame begins.
    case frame(Range<Int>, next: Int)
    case incomplete, tooLong

    init(_ bytes: ArraySlice<UInt8>, _ framing: WorkerOptions.Framing, limit: Int) {
        switch framing {
        case .raw: self = bytes.isEmpty ? .incomplete : .frame(0..<bytes.count, next: bytes.count)
        case .lengthHeader(let header): self.init(bytes, header: header.rawValue, limit: limit)
        case .line: self.init(linesIn: bytes, limit: limit)
        }
    }

    /// The end of the stream stands for a line feed.
    init(unterminatedLine bytes: ArraySlice<UInt8>, limit: Int) {
        self.init(linesIn: bytes + [UInt8(ascii: "\n")], limit: limit)
        if case .frame(let line, let next) = self { self = .frame(line, next: next - 1) }
    }

    private init(_ bytes: ArraySlice<UInt8>, header: Int, limit: Int) {
        self = .incomplete
        guard bytes.count >= header else { return }
        var length = 0
        for byte in bytes.prefix(header) { length = length * 256 + Int(byte) }
        if length > limit {
            self = .tooLong
        } else if bytes.count - header >= length {
            self = .frame(header..<header + length, next: header + length)
        }
    }

    private init(linesIn bytes: ArraySlice<UInt8>, limit: Int) {
        self = .incomplete
        var length = 0
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                let end = previous == UInt8(ascii: "\r") ? length - 1 : length
                self = end > limit ? .tooLong : .frame(0..<end, next: length + 1)
                return
            }
            length += 1
            previous = byte
            // A carriage return may still be part of the line's end.
            if length > limit + 1 {
                self = .tooLong
                return
            }
        }
    }
}
