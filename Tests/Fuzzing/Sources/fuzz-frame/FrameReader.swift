@testable internal import NBServer

/// Cuts a stream as the loop does: what is no frame yet is kept, and looked at again with what comes next.
struct FrameReader {
    private let framing: WorkerOptions.Framing
    private let limit: Int
    private var kept: [UInt8] = []
    private(set) var frames: [[UInt8]] = []
    private(set) var isTooLong = false

    init(_ framing: WorkerOptions.Framing, _ limit: Int) {
        self.framing = framing
        self.limit = limit
    }

    mutating func read(_ piece: ArraySlice<UInt8>) {
        kept += piece
        while !isTooLong, !kept.isEmpty {
            switch kept.withUnsafeBytes({ FrameCut(framing, $0, limit: limit) }) {
            case .frame(let frame, let next):
                precondition(next > 0 && next <= kept.count && frame.upperBound <= next, "\(frame), \(next)")
                precondition(framing == .raw || frame.count <= limit, "a frame of \(frame.count)")
                frames.append(Array(kept[frame]))
                kept.removeFirst(next)
            case .incomplete: return
            case .tooLong: isTooLong = true
            }
        }
    }

    /// The stream has ended.
    mutating func readEnd() {
        guard framing == .line, !isTooLong, !kept.isEmpty else { return }
        switch kept.withUnsafeBytes({ FrameCut(lastLine: $0, limit: limit) }) {
        case .frame(let line, let next):
            precondition(next == kept.count && line.count <= limit, "\(line), \(next)")
            frames.append(Array(kept[line]))
        case .incomplete: preconditionFailure("the last line is never incomplete")
        case .tooLong: isTooLong = true
        }
    }
}
