import Glibc
import GrantedLevels
import Synchronization
import Testing

@testable import NBServer

/// A connection's bytes in tasks, on each engine: what arrives, what waits, and how it ends.
@Suite(.serialized) struct ByteStreamTests {
    private struct Trouble: Error, CustomStringConvertible {
        let description = "trouble"
    }

    /// What a test has of a connection: its client, and its body's task and stream.
    @MainActor private final class Scene {
        let arrivals: Arrivals
        let task: Task<Void, any Error>
        let stream: Outcome<ByteStream>
        /// Closed when it is let go of.
        var own: Client?

        // There is one until a test lets go of it.
        var client: Client { own! }

        init(arrivals: Arrivals, task: Task<Void, any Error>, stream: Outcome<ByteStream>) {
            (self.arrivals, self.task, self.stream) = (arrivals, task, stream)
        }

        /// What the body was thrown, in words.
        var error: String {
            get async {
                switch await task.result {
                case .success: "none"
                case .failure(let error): "\(error)"
                }
            }
        }

        func wait(for event: String, _ hasCome: (ByteStream.State) -> Bool) throws {
            try KernelScenario.wait(for: event) { stream.value?.state.withLock { hasCome($0) } == true }
        }
    }

    /// Has a body serve the first client that connects.
    @MainActor private static func serve(
        on engine: EngineChoice,
        _ options: WorkerOptions = WorkerOptions(),
        bufferSize: Int = 4096,
        _ body: @escaping @Sendable (Arrivals, InboundBytes, OutboundBytes) async throws -> Void,
        client: @MainActor (Scene) async throws -> Void
    ) async throws {
        let server = ServerOptions(
            receiveBufferCount: 64,
            receiveBufferSize: bufferSize,
            quantum: 64,
            engine: EngineOptions(engine, submissionDepth: 64)
        )
        let arrivals = try await withListener(.unshared, options: ArrivalOptions(server: server)) { arrivals in
            let stream = Outcome<ByteStream>()
            let task = Task.detached {
                for await connection in arrivals {
                    try await connection.withBytes(options: options) { inbound, outbound in
                        stream.resolve(inbound.stream)
                        try await body(arrivals, inbound, outbound)
                    }
                    return
                }
            }
            let scene = Scene(arrivals: arrivals, task: task, stream: stream)
            scene.own = try Client(arrivals.addresses[0])
            try await client(scene)
            return arrivals
        }
        expect(arrivals.counters.delivered, is: 1, "delivered")
        expect(arrivals.counters.accepted, is: 1, "accepted")
    }

    /// The last bytes and the end come while a task looks for bytes: again and again, since the moment cannot be chosen.
    @Test func theLastBytesComeBeforeTheEnd() async throws {
        let rounds = 5_000
        let streams = (0..<rounds).map { _ in
            ByteStream(ConnectionID(server: 0, slot: 0, number: 1), ArrivalChannel(ArrivalOptions()), WorkerOptions())
        }
        let round = Atomic<Int>.Box(-1)
        let thread = HelperThread {
            for (number, stream) in streams.enumerated() {
                while round.value.load(ordering: .acquiring) < number {}
                _ = stream.arrived([1].span)
                stream.endInput(cutByteCount: 0)
            }
        }
        var lossCount = 0
        for (number, stream) in streams.enumerated() {
            round.value.store(number, ordering: .releasing)
            var count = 0
            while try await stream.receive() != nil { count += 1 }
            if count != 1 { lossCount += 1 }
        }
        thread.join()
        #expect(lossCount == 0)
    }

    @Test(arguments: EngineChoice.granted)
    func everyByteComesBack(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Self.serve(on: engine) { _, inbound, outbound in
                    for try await bytes in inbound { try await outbound.send(bytes) }
                } client: { scene in
                    let client = scene.client
                    client.writeInBackground(8 << 20)
                    let thread = HelperThread { client.finish() }
                    expect(try scene.client.readBytesToEnd(chunk: 1 << 16).count, is: 8 << 20, "bytes that came back")
                    thread.join()
                    try await scene.task.value
                }
            }
        }
    }

    /// While the peer does not read, a send waits; then it gets everything.
    @Test(arguments: EngineChoice.granted)
    func aSendWaitsForAPeerThatDoesNotRead(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let (size, count) = (64 << 10, 512)
                let chunk = [UInt8](repeating: 65, count: size)
                let longest = Atomic<Int>.Box(0)
                try await Self.serve(on: engine) { _, _, outbound in
                    for _ in 0..<count {
                        try await outbound.send(chunk)
                        _ = longest.value.max(outbound.stream.state.withLock { $0.outgoing.count }, ordering: .relaxed)
                    }
                } client: { scene in
                    try scene.wait(for: "a send waits") { $0.waitList.hasWaiters(for: .room) }
                    expect(try scene.client.readBytesToEnd(chunk: 1 << 16).count, is: size * count, "bytes that came")
                    try await scene.task.value
                    // Those that are queued at the connection wait besides.
                    let limit = WorkerOptions().sendHighWater
                    expect(longest.value.load(ordering: .relaxed) <= limit, "more than \(limit) wait after a send")
                }
            }
        }
    }

    /// While the body takes nothing, the peer's bytes wait in the kernel; then the body gets everything.
    @Test(arguments: EngineChoice.granted)
    func aPeerWaitsForABodyThatTakesNothing(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let (total, isOpen) = (32 << 20, Outcome<Void>())
                let received = Atomic<Int>.Box(0)
                try await Self.serve(on: engine) { _, inbound, _ in
                    await isOpen.resolved()
                    for try await bytes in inbound { received.value.add(bytes.count, ordering: .relaxed) }
                } client: { scene in
                    scene.client.writeInBackground(total)
                    try scene.wait(for: "the connection rests") { $0.isResting }
                    // Another turn, so that what was under way has come.
                    for _ in 0..<2 { _ = try await scene.arrivals.server.status(within: nil) }
                    let waiting = await scene.stream.resolved().state.withLock { $0.receivedCount }
                    // Before the last delivery there were fewer than the high water.
                    expect(waiting < 64 << 10 + 4096 + 32, "\(waiting) bytes wait for the body")
                    isOpen.resolve(())
                    scene.client.finish()
                    try await scene.task.value
                    expect(received.value.load(ordering: .relaxed), is: total, "bytes that came")
                    expect(try scene.client.readToEnd(), is: .end(""), "the client")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func frames(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Self.serve(on: engine, WorkerOptions(framing: .line)) { _, inbound, outbound in
                    for try await line in inbound {
                        try await outbound.send(String(decoding: line, as: UTF8.self) + "!\n")
                    }
                } client: { scene in
                    try scene.client.say("one\n\ntwo\r\nthree")
                    scene.client.endOutput()
                    expect(try scene.client.readToEnd(), is: .end("one!\n!\ntwo!\nthree!\n"), "the answers")
                    try await scene.task.value
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func halfAFrameIsAnError(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let options = WorkerOptions(framing: .lengthHeader(.twoBytes))
                try await Self.serve(on: engine, options) { _, inbound, outbound in
                    for try await frame in inbound { try await outbound.send(frame) }
                } client: { scene in
                    try scene.client.say([0, 2, 65, 66, 0, 5, 67])
                    scene.client.endOutput()
                    expect(try scene.client.readToEnd(), is: .end("AB"), "the answers")
                    let error = "the peer ended its side in the middle of a frame, of which 3 bytes had come"
                    expect(await scene.error, is: error, "the error")
                }
            }
        }
    }

    /// What had arrived comes first.
    @Test(arguments: EngineChoice.granted)
    func aPeerThatResetsIsAnErrorBehindWhatItHasSent(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let isOpen = Outcome<Void>()
                let words = Lock<String>.Box("")
                try await Self.serve(on: engine) { _, inbound, _ in
                    await isOpen.resolved()
                    for try await bytes in inbound {
                        words.value.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
                    }
                } client: { scene in
                    try scene.client.say("hello")
                    try scene.wait(for: "the words arrive") { $0.received.count == 1 }
                    scene.client.reset()
                    scene.own = nil
                    try scene.wait(for: "the reset arrives") { $0.end != nil }
                    isOpen.resolve(())
                    let error = "the connection has ended: lost: Connection reset by peer (errno 104)"
                    expect(await scene.error, is: error, "the error")
                    expect(words.value.withLock { $0 }, is: "hello", "what came")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aTimeLimitIsAnError(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let options = WorkerOptions(idleTimeLimit: .milliseconds(50))
                try await Self.serve(on: engine, options) { _, inbound, _ in
                    for try await _ in inbound { Issue.record("bytes that no client sent") }
                } client: { scene in
                    expect(try scene.client.readToEnd(), is: .end(""), "the client")
                    expect(
                        await scene.error,
                        is: "the connection has ended: its idle time limit has passed",
                        "the error"
                    )
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func whatWasSentArrivesThoughTheBodyThrows(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Self.serve(on: engine) { _, _, outbound in
                    try await outbound.send("hello")
                    throw Trouble()
                } client: { scene in
                    expect(try scene.client.readToEnd(), is: .end("hello"), "the client")
                    expect(await scene.error, is: "trouble", "the error")
                }
            }
        }
    }

    /// The output ends, and the input goes on.
    @Test(arguments: EngineChoice.granted)
    func theOutputIsFinishedBeforeTheInput(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let heard = Outcome<String>()
                try await Self.serve(on: engine) { _, inbound, outbound in
                    try await outbound.send("hello")
                    outbound.finish()
                    let error = await #expect(throws: ByteStreamError.self) { try await outbound.send("more") }
                    expect("\(error, default: "none")", is: "\(ByteStreamError.outputFinished)", "the error")
                    var words = ""
                    for try await bytes in inbound { words += String(decoding: bytes, as: UTF8.self) }
                    heard.resolve(words)
                } client: { scene in
                    expect(try scene.client.readToEnd(), is: .end("hello"), "the client")
                    try scene.client.say("goodbye")
                    scene.client.endOutput()
                    expect(await heard.resolved(), is: "goodbye", "what came")
                    try await scene.task.value
                }
            }
        }
    }

    enum Way: String, CaseIterable, Codable {
        case cancel, reset, stop, drain, clientResets
    }

    /// The body waits for bytes, and would for ever.
    @Test(arguments: EngineChoice.granted, Way.allCases)
    func whatEndsABodyThatWaits(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.runTask(on: engine) {
                try await Self.serve(on: engine) { _, inbound, outbound in
                    try await outbound.send("hello")
                    if way == .reset {
                        for try await _ in inbound { outbound.reset() }
                    }
                    for try await _ in inbound { Issue.record("bytes that no client sent") }
                } client: { scene in
                    expect(try scene.client.read(5), is: "hello", "what came")
                    let words: String
                    switch way {
                    case .cancel:
                        scene.task.cancel()
                        words = "CancellationError()"
                    case .reset:
                        try scene.client.say("?")
                        words = "the connection has ended: reset"
                    case .stop:
                        scene.arrivals.requestStop()
                        words = "the connection has ended: the server has stopped"
                    case .drain:
                        scene.arrivals.requestDrain(within: .seconds(60))
                        words = "none"
                    case .clientResets:
                        scene.client.reset()
                        scene.own = nil
                        words = "the connection has ended: lost: Connection reset by peer (errno 104)"
                    }
                    expect(await scene.error, is: words, "the error")
                    guard way != .clientResets else { return }
                    expect(try scene.client.readToEnd(), is: way == .reset ? .reset : .end(""), "the client")
                }
            }
        }
    }

    /// The body waits for room.
    @Test(arguments: EngineChoice.granted, [Way.cancel, .reset, .stop])
    func whatEndsABodyThatSends(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.runTask(on: engine) {
                let chunk = [UInt8](repeating: 65, count: 64 << 10)
                let outbound = Outcome<OutboundBytes>()
                try await Self.serve(on: engine) { _, _, output in
                    outbound.resolve(output)
                    while true { try await output.send(chunk) }
                } client: { scene in
                    try scene.wait(for: "a send waits") { $0.waitList.hasWaiters(for: .room) }
                    switch way {
                    case .cancel: scene.task.cancel()
                    case .reset: await outbound.resolved().reset()
                    case .stop, .drain, .clientResets: scene.arrivals.requestStop(within: .zero)
                    }
                    expect(await scene.error != "none", "the body ends without an error")
                }
            }
        }
    }

    /// A send that has returned is the server's to send out, also if that stops at once.
    @Test(arguments: EngineChoice.granted)
    func whatWasSentArrivesThoughTheServerStops(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let text = String(repeating: "soup", count: 10_000)
                try await Self.serve(on: engine) { arrivals, inbound, outbound in
                    try await outbound.send(text)
                    arrivals.requestStop()
                    for try await _ in inbound { Issue.record("bytes that no client sent") }
                } client: { scene in
                    expect(try scene.client.readToEnd(), is: .end(text), "the client")
                    expect(await scene.error != "none", "the body does not hear of it")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aConnectionIsUsedOnce(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await withListener(
                    .unshared,
                    options: ArrivalOptions(server: ServerOptions(engine: EngineOptions(engine)))
                ) {
                    arrivals in
                    let client = try Client(arrivals.addresses[0])
                    var iterator = arrivals.makeAsyncIterator()
                    let connection = try #require(await iterator.next())
                    try await connection.withBytes { _, outbound in try await outbound.send("hello") }
                    let error = await #expect(throws: ByteStreamError.self) {
                        try await connection.withBytes { _, _ in }
                    }
                    expect("\(error, default: "none")", is: "\(ByteStreamError.taken)", "the error")
                    expect(connection.close(), is: false, "a close")
                    expect(connection.reset(), is: false, "a reset")
                    expect(try client.readToEnd(), is: .end("hello"), "the client")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func optionsOutOfRangeEndTheConnection(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                try await Self.serve(on: engine, WorkerOptions(frameLimit: 0)) { _, inbound, _ in
                    for try await _ in inbound { Issue.record("bytes that no client sent") }
                } client: { scene in
                    expect(try scene.client.readToEnd(), is: .end(""), "the client")
                    let error = await scene.error
                    expect(error.contains("WorkerOptions.frameLimit: 0 is out of range"), "\(error)")
                }
            }
        }
    }
}
