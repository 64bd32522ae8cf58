internal import Fuzzing

@testable internal import NBServer

/// A stream as a client may send it: cut into frames, it comes to the same however it was cut into pieces on its way.
///
/// Bytes: the framing, the limit, a seed for the pieces; the rest is the stream.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzFrame(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var input = Input(bytes, count)
    let framings: [WorkerOptions.Framing] = [
        .raw, .line, .lengthHeader(.oneByte), .lengthHeader(.twoBytes), .lengthHeader(.fourBytes),
    ]
    let framing = framings[Int(input.byte()) % framings.count]
    let limit = 1 + Int(input.byte())
    let seed = input.byte()
    var stream: [UInt8] = []
    while !input.isEmpty { stream.append(input.byte()) }

    let model = FrameModel(stream, framing, limit: limit)
    check(FrameReader(framing, limit), [stream[...]], model, framing)
    check(FrameReader(framing, limit), stream.indices.map { stream[$0...$0] }, model, framing)
    check(FrameReader(framing, limit), pieces(of: stream, seed), model, framing)
    checkExact(stream, Int(seed))
    return 0
}

/// Pieces of any length, the same ones for the same seed.
private func pieces(of stream: [UInt8], _ seed: UInt8) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var rest = stream[...]
    var state = Int(seed) + 1
    while !rest.isEmpty {
        state = (state * 75 + 74) % 65_537
        pieces.append(rest.prefix(1 + state % 11))
        rest = rest.dropFirst(1 + state % 11)
    }
    return pieces
}

private func check(
    _ reader: FrameReader,
    _ pieces: [ArraySlice<UInt8>],
    _ model: FrameModel,
    _ framing: WorkerOptions.Framing
) {
    var reader = reader
    for piece in pieces { reader.read(piece) }
    reader.readEnd()
    Trace.write("\(framing), \(pieces.count) pieces: \(reader.frames), too long: \(reader.isTooLong)\n")
    precondition(reader.isTooLong == model.isTooLong, "too long: \(reader.isTooLong)")
    // Raw bytes come as they arrive.
    if framing == .raw {
        precondition(reader.frames.flatMap(\.self) == model.frames.flatMap(\.self))
    } else {
        precondition(reader.frames == model.frames, "\(reader.frames) are not \(model.frames)")
    }
}

/// So many bytes at once are so many bytes, or not all there yet.
private func checkExact(_ stream: [UInt8], _ count: Int) {
    guard count > 0 else { return }
    let cut = stream.withUnsafeBytes { FrameCut($0, exactly: count) }
    precondition(cut == (stream.count < count ? .incomplete : .frame(0..<count, next: count)), "\(cut)")
}
