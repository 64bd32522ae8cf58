import Glibc
import NBEngine
import Testing

@testable import NBServer

/// What the simulation found out about workers, each on a script of its own.
@Suite struct WorkerCallbackTests {
    private enum Once: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(framing: .lengthHeader(.oneByte)) }
    }

    private enum Continuous: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(receiving: .continuous) }
    }

    private enum Hasty: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(receiveTimeLimit: .nanoseconds(1)) }
    }

    private struct Refusal: Error, CustomStringConvertible {
        let description = "refused"
    }

    private let client: Int32 = 1000
    private let diary = WorkerDiary()

    /// Completes the receive that was submitted last.
    private func arrive(_ kernel: FakeKernel, _ text: String, isLast: Bool = true) throws {
        let receive = try #require(kernel.receives(on: client).last)
        kernel.completeReceive(receive.token, Array(text.utf8), isLast: isLast)
    }

    /// The loop goes on without waiting for a completion.
    private func expectNoSleep(_ kernel: FakeKernel) {
        #expect(kernel.deadline == kernel.now)
    }

    @Test func aWorkerIsConnectedBeforeItHearsAnythingElse() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Hasty>(diary: diary)
        try server.run(
            { number, connection, context in
                // Delivered when those who have a new connection have been called for this turn.
                if number == 0 {
                    context.state.pointee.adopt(DetachedConnection(1001, unread: []) {}, nil)
                } else {
                    context.assign(connection, to: worker)
                }
                return .continue
            },
            script: [{ try $0.accept(client, on: server.listeners[0]) }, { $0.now = $0.now + .seconds(1) }, { _ in }]
        )
        #expect(diary.lines == ["connected", "timeout: receive", "closed: reset"])
    }

    /// Nothing else comes that would turn the loop.
    @Test func aWorkerThatDetachesAtItsEndHearsAtOnceThatThereIsNoConnection() throws {
        struct Leaver: ConnectionWorker {
            let diary: WorkerDiary

            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}

            consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
                diary.lines.append("closed")
                connection.detach { [diary] in diary.lines.append("\($0.failure?.code as ServerError.Code?)") }
            }
        }
        let server = try ScriptedServer()
        let worker = Leaver(diary: diary)
        let expected = ["closed", "\(ServerError.Code.connectionEnded as ServerError.Code?)"]
        try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { $0.complete(try #require($0.receives(on: client).last).token, -ECONNRESET) },
                { _ in #expect(diary.lines == expected) },
            ]
        )
    }

    /// The error that it has made already is the one that is told.
    @Test func aWorkerThatFailsTwiceIsCountedOnce() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Once>(diary: diary) { connection in
            connection.receive(exactly: 0)
            throw Refusal()
        }
        try server.run(
            assigning: worker,
            script: [{ try $0.accept(client, on: server.listeners[0]) }, { _ in }]
        )
        #expect(server.journal.counters.failed == 1)
        #expect(server.journal.infos.count { $0.hasPrefix("failed: ") } == 1)
    }

    /// It comes to a server that drains, is asked by another part of the program as well, and does not end.
    @Test func aWorkerIsAskedOnceToFinish() throws {
        struct Stayer: ConnectionWorker {
            let diary: WorkerDiary

            func connected(_ connection: borrowing WorkerConnection<Self>) { try? connection.worker.finish() }

            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
                diary.lines.append("received")
            }

            func shouldFinish(_ connection: borrowing WorkerConnection<Self>) { diary.lines.append("finish") }
        }
        let server = try ScriptedServer()
        let worker = Stayer(diary: diary)
        try server.run(
            // The drain has begun by then.
            duringInfo: { $0.state.pointee.adopt(DetachedConnection(1001, unread: []) {}, nil) },
            { number, connection, context in
                if number == 0 {
                    _ = context.keep(connection)
                    context.drain(within: .seconds(60))
                } else {
                    context.assign(connection, to: worker)
                }
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { _ in },
                { _ in },
                { $0.completeReceive(try #require($0.receives(on: 1001).last).token, Array("hello".utf8)) },
                { _ in #expect(diary.lines == ["finish", "received"]) },
            ]
        )
    }

    @Test func aFrameInTwoPartsIsFollowedByTheNext() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Once>(diary: diary) { _ in
        } onReceived: { _, connection in
            connection.receive()
        }
        try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { try arrive($0, "\u{5}he") },
                { try arrive($0, "llo") },
                { try arrive($0, "\u{3}you") },
            ]
        )
        #expect(diary.lines == ["connected", "received hello", "received you", "closed: the server has stopped"])
    }

    @Test func aWorkerWhoseConnectionEndsWithoutACompletionHearsOfItAtOnce() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Once>(diary: diary, onConnected: { $0.reset() })
        try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                {
                    #expect($0.isReset(client))
                    #expect(diary.lines == ["connected", "closed: reset"])
                },
            ]
        )
    }

    @Test func whoFindsNoBufferInAFullBatchIsNotForgotten() throws {
        var server = try ScriptedServer()
        server.features = EngineFeatures(.ring, kernel: [5, 11], quantum: 1)
        server.features.acceptsMultishot = true
        let worker = DiaryWorker<Once>(diary: diary)
        try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { $0.complete(try #require($0.receives(on: client).last).token, -ENOBUFS) },
                { expectNoSleep($0) },
                { #expect($0.receives(on: client).count == 1) },
            ]
        )
    }

    @Test func aReceiveThatGoesOnEndsWhenItsWorkerHasEnough() throws {
        var server = try ScriptedServer()
        server.features.receivesMultishot = true
        let worker = DiaryWorker<Continuous>(diary: diary) { _ in
        } onReceived: { bytes, connection in
            if bytes == Array("first".utf8) { connection.receive(.once) }
        }
        var receive = Token(rawValue: 0)
        try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                // The first receive does not go on.
                { $0.completeReceive(try #require($0.receives(on: client).last).token, Array("before".utf8)) },
                {
                    receive = try #require($0.receives(on: client).last).token
                    $0.completeReceive(receive, Array("first".utf8), isLast: false)
                },
                {
                    #expect(!$0.submitted.contains { $0.operation == .cancel(receive, descriptor: client) })
                    $0.completeReceive(receive, Array("last".utf8), isLast: false)
                },
                { #expect($0.submitted.count { $0.operation == .cancel(receive, descriptor: client) } == 1) },
            ]
        )
        #expect(
            diary.lines == [
                "connected", "received before", "received first", "received last", "closed: the server has stopped",
            ]
        )
    }

    @Test func anErrorAfterTheAssignmentIsWhatTheWorkerHears() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Once>(diary: diary)
        try server.run(
            { _, connection, context in
                context.assign(connection, to: worker)
                throw Refusal()
            },
            script: [{ try $0.accept(client, on: server.listeners[0]) }]
        )
        #expect(diary.lines == ["closed: failed: refused"])
    }

    @Test func bytesThatAreNoFrameMayBeOneWithAnotherFraming() throws {
        let server = try ScriptedServer()
        var id: ConnectionID?
        let worker = DiaryWorker<Once>(diary: diary, onConnected: { id = $0.id })
        try server.run(
            { number, connection, context in
                if number == 0 { context.assign(connection, to: worker) }
                guard number == 1, let id else { return .continue }
                context.state.pointee.post(
                    WorkerMail(connection: id) { WorkerConnection<DiaryWorker<Once>>($2).setFraming(.raw) }
                )
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { try arrive($0, "\u{5}he") },
                { try $0.accept(1001, on: server.listeners[0]) },
                { _ in },
            ]
        )
        #expect(diary.lines == ["connected", "received \u{5}he", "closed: the server has stopped"])
    }

    @Test func whatIsDetachedWhileTheServerStopsTakesItsBytesAlong() throws {
        let server = try ScriptedServer()
        var unread: [[UInt8]] = []
        let worker = DiaryWorker<Once>(diary: diary) { _ in
        } onReceived: { _, connection in
            connection.send("bye")
            connection.detach {
                if case .success(let connection) = $0, let taken = connection.take() { unread.append(taken.unread) }
            }
        }
        var send = Token(rawValue: 0)
        try server.run(
            { number, connection, context in
                guard number == 0 else { return .stop }
                context.assign(connection, to: worker)
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { try arrive($0, "\u{1}arest") },
                {
                    send = try #require($0.sends(on: client).last).token
                    try $0.accept(1001, on: server.listeners[0])
                },
                { _ in },
                {
                    #expect(server.journal.ends.count == 1)
                    $0.complete(send, 3)
                },
            ]
        )
        #expect(diary.lines == ["connected", "received a", "closed: detached"])
        #expect(unread == [Array("rest".utf8)])
    }

    @Test func aDetachedConnectionHasEndedItsOutputIfItWasTo() throws {
        let server = try ScriptedServer()
        var detached: [Int32] = []
        let worker = DiaryWorker<Once>(diary: diary) { connection in
            connection.finishOutput()
            connection.detach { detached.append(contentsOf: $0.takeDescriptors()) }
        }
        let (kernel, _) = try server.run(
            assigning: worker,
            script: [{ try $0.accept(client, on: server.listeners[0]) }]
        )
        #expect(detached == [client])
        #expect(kernel.endedOutputs == [client])
    }

    @Test func aWorkerThatIsMadeInTerminateHearsOfItsEnd() throws {
        let server = try ScriptedServer()
        var id: ConnectionID?
        let worker = DiaryWorker<Once>(diary: diary)
        try server.run(
            onEnd: { context in
                guard let id, let connection = try? context.take(id) else { return }
                context.assign(connection, to: worker)
            },
            { _, connection, context in
                id = context.keep(connection)
                return .continue
            },
            script: [{ try $0.accept(client, on: server.listeners[0]) }]
        )
        #expect(diary.lines == ["closed: the server has stopped"])
    }

    private enum Unlimited: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(frameLimit: 0) }
    }

    /// Those of its type, or of the connection before, do not count.
    @Test func aConnectionMayHaveOptionsOfItsOwn() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Once>(diary: diary)
        try server.run(
            { number, connection, context in
                switch number {
                case 0, 1: context.assign(connection, to: worker, options: WorkerOptions(frameLimit: 0))
                case 2: context.assign(connection, to: worker, options: WorkerOptions())
                default: context.assign(connection, to: worker, options: WorkerOptions(framing: .line))
                }
                return .continue
            },
            script: [
                { try $0.accept(1001, on: server.listeners[0]) },
                { kernel in
                    #expect(kernel.isClosed(1001))
                    try kernel.accept(1002, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.isClosed(1002))
                    try kernel.accept(client, on: server.listeners[0])
                },
                { kernel in
                    try arrive(kernel, "all of")
                    try kernel.accept(1003, on: server.listeners[0])
                },
                { kernel in
                    let receive = try #require(kernel.receives(on: 1003).last)
                    kernel.completeReceive(receive.token, Array("a line\nand more".utf8))
                },
                { _ in },
            ]
        )
        let error = "WorkerOptions.frameLimit: 0 is out of range; it must be from 1 to 2147483647"
        let refused = "closed: failed: \(error)"
        let stopped = "closed: the server has stopped"
        #expect(
            diary.lines == [
                refused, refused, "connected", "received all of", "connected", "received a line", stopped, stopped,
            ]
        )
        #expect(server.journal.counters.failed == 2)
    }

    /// The server goes on, and so does a worker of another type.
    @Test func aWorkerOfATypeWithABadOptionGetsNoConnection() throws {
        let server = try ScriptedServer()
        let other: Int32 = 1001
        let good = WorkerDiary()
        let (kernel, _) = try server.run(
            { number, connection, context in
                switch number {
                case 0, 1: context.assign(connection, to: DiaryWorker<Unlimited>(diary: diary))
                default: context.assign(connection, to: DiaryWorker<Once>(diary: good))
                }
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { kernel in
                    #expect(kernel.isClosed(client))
                    try kernel.accept(other, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.isClosed(other))
                    try kernel.accept(1002, on: server.listeners[0])
                },
                { #expect($0.receives(on: 1002).count == 1) },
            ]
        )
        let error = "DiaryWorker<Unlimited>.options.frameLimit: 0 is out of range; it must be from 1 to 2147483647"
        #expect(diary.lines == ["closed: failed: \(error)", "closed: failed: \(error)"])
        #expect(server.journal.infos == ["failed: \(error)", "failed: \(error)"])
        #expect(server.journal.counters.failed == 2)
        #expect(kernel.closes(of: client) == 1 && kernel.closes(of: other) == 1)
        #expect(good.lines == ["connected", "closed: the server has stopped"])
    }

    private struct Wish: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let error: String
        let make: @Sendable (borrowing WorkerConnection<DiaryWorker<Once>>) -> Void
    }

    /// What a peer may have named costs its connection.
    @Test(arguments: [
        Wish(testDescription: "no bytes", error: "receive(exactly:): 0 is out of range; it must be from 1") {
            $0.receive(exactly: 0)
        },
        Wish(testDescription: "fewer", error: "receive(exactly:): -9223372036854775808 is out of range") {
            $0.receive(exactly: .min)
        },
        Wish(testDescription: "too many", error: "receive(exactly:): 1048577 is out of range") {
            $0.receive(exactly: 1 << 20 + 1)
        },
        Wish(testDescription: "deliveries", error: "receive(_:): -1 is out of range; it must be a count from 0") {
            $0.receive(.count(-1))
        },
        Wish(testDescription: "a long frame", error: "sendFrame(_:): 256 is out of range; it must be 255") {
            $0.sendFrame([UInt8](repeating: 0, count: 256))
        },
    ])
    private func whatIsOutOfRangeEndsTheConnection(wish: Wish) throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Once>(diary: diary) { connection in
            connection.send("before")
            wish.make(connection)
            connection.send("after")
        }
        let (kernel, _) = try server.run(
            assigning: worker,
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { kernel in
                    #expect(kernel.lastBytes(on: client) == [Array("before".utf8)])
                    #expect(kernel.isClosed(client))
                },
            ]
        )
        #expect(diary.lines.count == 2 && diary.lines.first == "connected")
        #expect(diary.lines.last?.hasPrefix("closed: failed: WorkerConnection.\(wish.error)") == true, "\(diary.lines)")
        #expect(server.journal.infos.count == 1)
        #expect(server.journal.counters.failed == 1)
        #expect(kernel.closes(of: client) == 1)
    }
}
