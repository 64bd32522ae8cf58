import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Streams cut into frames, however the kernel cuts them into pieces: receive buffers of few bytes see to that.
@Suite(.serialized) struct WorkerFramingTests {
    /// Frames of a stream, and how they are written.
    struct Stream: Sendable {
        let framing: WorkerOptions.Framing
        let frames: [String]
        let written: [UInt8]

        init(_ framing: WorkerOptions.Framing, _ frames: [String], lineEnd: String = "\n") {
            self.framing = framing
            self.frames = frames
            written = frames.flatMap { frame -> [UInt8] in
                let bytes = Array(frame.utf8)
                guard case .lengthHeader(let header) = framing else { return bytes + Array(lineEnd.utf8) }
                return (0..<header.rawValue).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
                    + bytes
            }
        }

        private static let frames = [
            "a", "", "four", "", "", "\r", "sixteen letters.", "\r\r", String(repeating: "z", count: 100),
        ]

        static let all: [Stream] = [
            Stream(.lengthHeader(.oneByte), frames),
            Stream(.lengthHeader(.twoBytes), frames + [String(repeating: "y", count: 300)]),
            Stream(.lengthHeader(.fourBytes), frames + [String(repeating: "x", count: 300)]),
            Stream(.line, ["a", "", "four", "in\rside", "", "sixteen letters.", String(repeating: "z", count: 100)]),
            Stream(.line, ["a", "", "four", "in\rside", "\r", "sixteen letters."], lineEnd: "\r\n"),
        ]
    }

    /// In which ways a worker asks: each frame by itself, two at a time, or all of them.
    static let modes: [WorkerOptions.ReceiveMode] = [.once, .count(2), .continuous]

    @Test(arguments: EngineChoice.granted)
    func framesAreDeliveredWholeHoweverTheyAreCut(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for stream in Stream.all {
                    for mode in Self.modes {
                        for size in [1, 2, 3, 5, 7, 16, 4096] { try Self.run(stream, mode, size, engine) }
                    }
                }
            }
        }
    }

    private static func run(
        _ stream: Stream,
        _ mode: WorkerOptions.ReceiveMode,
        _ bufferSize: Int,
        _ engine: EngineChoice
    ) throws {
        let options = WorkerOptions(receiving: mode, framing: stream.framing, frameLimit: 300)
        var conduct = WorkerConduct.echo
        conduct.received = { bytes, connection in
            connection.sendFrame(bytes.span)
            if mode != .continuous { connection.receive(mode) }
        }
        let server = try RunningWorkers(engine: engine, options, bufferSize: bufferSize, conduct: conduct)
        // One joins them, the other does not.
        let clients = [try Client(server.address), try Client(server.address)]
        try clients[0].say(stream.written)
        try clients[1].sayOneByOne(stream.written)
        for (number, client) in clients.enumerated() {
            client.endOutput()
            let back = Stream(stream.framing, stream.frames).written
            let what = "\(stream.framing), \(mode), buffers of \(bufferSize), client \(number)"
            expect(try client.readBytesToEnd(chunk: 4096) == back, "what comes back: \(what)")
            try server.journal.waitForEnd(number)
            let received: [WorkerJournal.Entry] = stream.frames.map { .received($0) }
            let expected = [.connected] + received + [.inputEnded, .closed("closed")]
            expect(server.journal.entries(number) == expected, "\(what): \(server.journal.entries(number))")
        }
        server.stop()
    }

    @Test(arguments: EngineChoice.granted)
    func aLastLineNeedsNoLineFeed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for mode in Self.modes {
                    for size in [1, 5, 4096] {
                        var conduct = WorkerConduct.echo
                        conduct.received = { bytes, connection in
                            connection.sendFrame(bytes.span)
                            if mode != .continuous { connection.receive(mode) }
                        }
                        let options = WorkerOptions(receiving: mode, framing: .line, frameLimit: 9)
                        let server = try RunningWorkers(engine: engine, options, bufferSize: size, conduct: conduct)
                        let client = try Client(server.address)
                        try client.say("first\nlast line")
                        client.endOutput()
                        expect(try client.readToEnd(), is: .end("first\nlast line\n"), "what comes back")
                        try server.journal.waitForEnd(0)
                        let expected: [WorkerJournal.Entry] = [
                            .connected, .received("first"), .received("last line"), .inputEnded, .closed("closed"),
                        ]
                        expect(server.journal.entries(0), is: expected, "\(mode), buffers of \(size)")
                        server.stop()
                    }
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aRawStreamArrivesWhole(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 13) }
                for mode in Self.modes {
                    let conduct = WorkerConduct(received: { bytes, connection in
                        connection.send(bytes)
                        if mode != .continuous { connection.receive(mode) }
                    })
                    let server = try RunningWorkers(
                        engine: engine,
                        WorkerOptions(receiving: mode),
                        bufferCount: 2,
                        bufferSize: 1000,
                        conduct: conduct
                    )
                    let client = try Client(server.address)
                    client.writeInBackground(100_000)
                    expect(try client.read(100_000) == String(repeating: "A", count: 100_000), "what comes back")
                    client.waitForWriter()
                    try client.say(bytes)
                    client.endOutput()
                    expect(try client.readBytesToEnd(chunk: 4096) == bytes, "what comes back, \(mode)")
                    try server.journal.waitForEnd(0)
                    let received = server.journal.deliveries(0)
                    expect(received.reduce(0) { $0 + $1.count }, is: 200_000, "bytes received")
                    expect(received.allSatisfy { !$0.isEmpty }, "no delivery is empty")
                    server.stop()
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aFrameAsLongAsTheLimitIsDeliveredAndALongerOneEndsItsConnection(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for stream in Stream.all {
                    for lineEnd in ["\n", "\r\n"] {
                        let options = WorkerOptions(framing: stream.framing, frameLimit: 100)
                        let server = try RunningWorkers(engine: engine, options, bufferSize: 64, conduct: .echo)
                        let longest = String(repeating: "l", count: 100)
                        let tooLong = Stream(stream.framing, [longest, longest + "!", "never"], lineEnd: lineEnd)
                        let client = try Client(server.address)
                        try client.say(tooLong.written)
                        client.endOutput()
                        let back = Stream(stream.framing, [longest]).written
                        expect(try client.readBytesToEnd(chunk: 4096) == back, "what comes back")
                        try server.journal.waitForEnd(0)
                        let expected: [WorkerJournal.Entry] = [
                            .connected, .received(longest), .closed("a frame was longer than WorkerOptions.frameLimit"),
                        ]
                        expect(server.journal.entries(0), is: expected, "\(stream.framing)")
                        server.stop()
                    }
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aFramingThatIsChangedHoldsFromTheNextFrameOn(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for size in [1, 4, 4096] {
                    let conduct = WorkerConduct(received: { bytes, connection in
                        connection.setFraming(bytes.count == 4 ? .line : .lengthHeader(.oneByte))
                        connection.receive()
                    })
                    let options = WorkerOptions(framing: .line)
                    let server = try RunningWorkers(engine: engine, options, bufferSize: size, conduct: conduct)
                    let client = try Client(server.address)
                    try client.say("line\nto binary\n\u{4}four\u{2}ab")
                    client.endOutput()
                    expect(try client.readToEnd(), is: .end(""), "the end")
                    try server.journal.waitForEnd(0)
                    // The last is a line that ends with the stream.
                    let expected = ["line", "to binary", "four", "\u{2}ab"].map { Array($0.utf8) }
                    expect(server.journal.deliveries(0), is: expected, "frames, buffers of \(size)")
                    server.stop()
                }
            }
        }
    }
}
