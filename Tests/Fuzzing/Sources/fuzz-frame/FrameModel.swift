@testable internal import NBServer

/// The frames of a stream, read byte by byte in the simplest way.
struct FrameModel {
    private(set) var frames: [[UInt8]] = []
    private(set) var isTooLong = false

    init(_ stream: [UInt8], _ framing: WorkerOptions.Framing, limit: Int) {
        switch framing {
        case .raw: if !stream.isEmpty { frames = [stream] }
        case .line: readLines(stream, limit)
        case .lengthHeader(let header): readFrames(stream, header.rawValue, limit)
        }
    }

    private mutating func readLines(_ stream: [UInt8], _ limit: Int) {
        var line: [UInt8] = []
        for byte in stream {
            if byte == UInt8(ascii: "\n") {
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                isTooLong = line.count > limit
                if isTooLong { return }
                frames.append(line)
                line = []
            } else {
                line.append(byte)
                // The last byte of a line that is just too long may be half of its end; one more, and it is not.
                isTooLong = line.count > limit + 1
                if isTooLong { return }
            }
        }
        // The end of the stream ends a line as well.
        guard !line.isEmpty else { return }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        isTooLong = line.count > limit
        if !isTooLong { frames.append(line) }
    }

    private mutating func readFrames(_ stream: [UInt8], _ size: Int, _ limit: Int) {
        var rest = stream[...]
        while rest.count >= size {
            let length = rest.prefix(size).reduce(0) { $0 * 256 + Int($1) }
            isTooLong = length > limit
            if isTooLong || rest.count < size + length { return }
            frames.append(Array(rest.dropFirst(size).prefix(length)))
            rest = rest.dropFirst(size + length)
        }
    }
}
