import NBEngine
import Testing

@testable import NBServer

/// What a worker is given and told when its client ends its side, wherever in a frame that is.
@Suite struct EndOfInputTests {
    private enum Lines: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(framing: .line) }
    }

    private enum ShortLines: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(framing: .line, frameLimit: 4) }
    }

    private enum EndedLines: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(framing: .line, deliversUnterminatedLine: false) }
    }

    private enum Frames: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(framing: .lengthHeader(.oneByte)) }
    }

    private enum AllLines: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(receiving: .continuous, framing: .line) }
    }

    /// Closes a connection that was cut within this many bytes.
    private static func cut(_ count: Int) -> [String] {
        let reason = "the peer ended its side in the middle of a frame, of which \(count) bytes had come"
        return ["inputEnded, \(count) bytes cut", "closed: closed: \(reason)"]
    }

    private static let wholeEnd = ["inputEnded, 0 bytes cut", "closed: closed"]

    private let client: Int32 = 1000
    private let diary = WorkerDiary()

    private func worker<Kind: WorkerKind>(_ kind: Kind.Type) -> DiaryWorker<Kind> {
        DiaryWorker(diary: diary, onReceived: { $1.receive() })
    }

    /// The loop goes on without waiting for a completion.
    private func expectNoSleep(_ kernel: FakeKernel) {
        #expect(kernel.deadline == kernel.now)
    }

    /// Has a worker's client say something in pieces and then end its side; returns what the worker was told.
    private func hear<Kind: WorkerKind>(_ pieces: [String], _ worker: DiaryWorker<Kind>) throws -> [String] {
        let server = try ScriptedServer()
        let says: [FakeKernel.Step] = pieces.map { piece in
            { $0.completeReceive(try #require($0.receives(on: client).last).token, Array(piece.utf8)) }
        }
        let end: FakeKernel.Step = { $0.complete(try #require($0.receives(on: client).last).token, 0) }
        let (kernel, _) = try server.run(
            assigning: worker,
            script: [{ try $0.accept(client, on: server.listeners[0]) }] + says + [end, { _ in }]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(diary.lines.first == "connected")
        return Array(diary.lines.dropFirst())
    }

    @Test(arguments: [["hello"], ["h", "e", "l", "l", "o"], ["hel", "lo\r"]])
    func aLastLineIsDeliveredWithoutItsLineFeed(_ pieces: [String]) throws {
        #expect(try hear(pieces, worker(Lines.self)) == ["received hello"] + Self.wholeEnd)
    }

    @Test func aLastLineFollowsThoseThatHaveEnded() throws {
        let lines = ["received a", "received ", "received bc"]
        #expect(try hear(["a\n\nb", "c"], worker(Lines.self)) == lines + Self.wholeEnd)
    }

    @Test(arguments: [[], ["a\n"], ["a\r", "\n"]])
    func aStreamThatEndsWithALineHasNoOther(_ pieces: [String]) throws {
        let lines = pieces.isEmpty ? [] : ["received a"]
        #expect(try hear(pieces, worker(Lines.self)) == lines + Self.wholeEnd)
    }

    /// It is half of the end of an empty line.
    @Test func aCarriageReturnAloneIsAnEmptyLastLine() throws {
        #expect(try hear(["\r"], worker(Lines.self)) == ["received "] + Self.wholeEnd)
    }

    @Test(arguments: ["four", "four\r"])
    func aLastLineMayBeAsLongAsAnyOther(_ line: String) throws {
        #expect(try hear([line], worker(ShortLines.self)) == ["received four"] + Self.wholeEnd)
    }

    @Test(arguments: ["five!", "fou\r!"])
    func aLastLineThatIsTooLongIsRefused(_ line: String) throws {
        let expected = ["closed: a frame was longer than WorkerOptions.frameLimit"]
        #expect(try hear([line], worker(ShortLines.self)) == expected)
    }

    @Test func aLineThatMustEndIsCutWithoutItsLineFeed() throws {
        #expect(try hear(["a\nhel", "lo"], worker(EndedLines.self)) == ["received a"] + Self.cut(5))
    }

    @Test(arguments: [(["\u{5}he"], 3), (["\u{5}"], 1), (["\u{5}", "h", "ell"], 5)])
    func theBytesOfACutFrameAreTold(_ pieces: [String], _ count: Int) throws {
        #expect(try hear(["\u{1}a"] + pieces, worker(Frames.self)) == ["received a"] + Self.cut(count))
    }

    /// So many bytes were asked for, whatever the framing.
    @Test func fewerBytesThanAskedForAreNotALastLine() throws {
        var worker = worker(Lines.self)
        worker.onConnected = { $0.receive(exactly: 5) }
        #expect(try hear(["abc"], worker) == Self.cut(3))
    }

    @Test func whatIsLeftOfACutFrameCanBeHadInAnotherFraming() throws {
        var worker = worker(Frames.self)
        worker.onReceived = { $1.close() }
        worker.onPeerClosed = { connection in
            connection.setFraming(.raw)
            connection.receive()
        }
        // It was told, and then had it: nothing was lost.
        let expected = ["inputEnded, 3 bytes cut", "received \u{5}he", "closed: closed"]
        #expect(try hear(["\u{5}he"], worker) == expected)
    }

    @Test func whatIsStillLeftOfACutFrameIsTold() throws {
        var worker = worker(Frames.self)
        worker.onReceived = { $1.close() }
        worker.onPeerClosed = { $0.receive(exactly: 1) }
        let expected = ["inputEnded, 3 bytes cut", "received \u{5}", Self.cut(2)[1]]
        #expect(try hear(["\u{5}he"], worker) == expected)
    }

    /// It has what it asked for, and the rest comes with the end of the stream when it asks again.
    @Test func aLastLineWaitsUntilItIsAskedFor() throws {
        var server = try ScriptedServer()
        server.features.receivesMultishot = true
        var id: ConnectionID?
        var worker = DiaryWorker<AllLines>(diary: diary, onConnected: { id = $0.id })
        worker.onReceived = { $1.receive(.manual) }
        let ask: (Int, consuming Connection, borrowing ServerContext) -> Verdict = { number, connection, context in
            if number == 0 {
                context.assign(connection, to: worker)
            } else if let id {
                context.state.pointee.post(
                    WorkerMail(connection: id) { WorkerConnection<DiaryWorker<AllLines>>($2).receive() }
                )
            }
            return .continue
        }
        try server.run(
            ask,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { kernel in
                    let receive = try #require(kernel.receives(on: client).last).token
                    kernel.completeReceive(receive, Array("first\nlast".utf8), isLast: false)
                    kernel.complete(receive, 0)
                },
                { kernel in
                    #expect(diary.lines == ["connected", "received first"])
                    try kernel.accept(1001, on: server.listeners[0])
                },
                { expectNoSleep($0) },
                { kernel in
                    #expect(diary.lines.last == "received last")
                    try kernel.accept(1002, on: server.listeners[0])
                },
                { expectNoSleep($0) },
                { _ in },
            ]
        )
        #expect(diary.lines == ["connected", "received first", "received last"] + Self.wholeEnd)
    }

    /// A worker that closes without having asked for more has not been told of the end, and knows what it does.
    @Test func aWorkerThatClosesBeforeTheEndLeavesWhatItHasNotAskedFor() throws {
        var worker = worker(Frames.self)
        worker.onReceived = { $1.close() }
        let server = try ScriptedServer()
        try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { $0.completeReceive(try #require($0.receives(on: client).last).token, Array("\u{1}a\u{5}he".utf8)) },
                { _ in },
            ]
        )
        #expect(diary.lines == ["connected", "received a", "closed: closed"])
    }
}
