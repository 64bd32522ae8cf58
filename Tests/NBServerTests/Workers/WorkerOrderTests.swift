import Testing

@testable import NBServer

/// In which order a worker hears things that come together.
@Suite struct WorkerOrderTests {
    private struct Plain: ConnectionWorker {
        let diary: WorkerDiary

        func connected(_ connection: borrowing WorkerConnection<Self>) { diary.lines.append("connected") }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            diary.lines.append("received \(bytes.count)")
            connection.receive()
        }

        func sent(_ connection: borrowing WorkerConnection<Self>) { diary.lines.append("sent") }

        func shouldFinish(_ connection: borrowing WorkerConnection<Self>) {
            diary.lines.append("finish")
            connection.close()
        }
    }

    private let diary = WorkerDiary()

    /// An adopted connection is delivered when those who have a new connection have been called for this turn.
    @Test func whatWasQueuedBeforeAWorkerCameIsSentAfterItIsConnected() throws {
        let server = try ScriptedServer()
        try server.run(
            { number, connection, context in
                if number == 0 {
                    context.state.pointee.adopt(DetachedConnection(1001, unread: []) {}, nil)
                } else {
                    connection.send("hello")
                    context.assign(connection, to: Plain(diary: diary))
                }
                return .continue
            },
            script: [
                { try $0.accept(1000, on: server.listeners[0]) },
                { kernel in kernel.complete(try #require(kernel.sends(on: 1001).last).token, 5) },
                { _ in },
            ]
        )
        #expect(diary.lines == ["connected", "sent"])
    }

    @Test func whoComesWhileTheServerDrainsIsServedBeforeItIsToFinish() throws {
        let server = try ScriptedServer()
        try server.run(
            { number, connection, context in
                if number == 0 {
                    context.drain(within: .seconds(60))
                } else {
                    context.assign(connection, to: Plain(diary: diary))
                }
                return .continue
            },
            script: [
                { kernel in
                    kernel.queueLengths[server.listeners[0]] = 1
                    try kernel.accept(1000, on: server.listeners[0])
                },
                { kernel in
                    kernel.queueLengths[server.listeners[0]] = 0
                    try kernel.accept(1001, on: server.listeners[0])
                },
                { kernel in
                    #expect(diary.lines == ["connected"])
                    kernel.completeReceive(try #require(kernel.receives(on: 1001).last).token, [1, 2, 3])
                },
                { _ in #expect(diary.lines == ["connected", "received 3", "finish"]) },
            ]
        )
        #expect(diary.lines == ["connected", "received 3", "finish"])
    }

    @Test func whoIsThereWhenADrainBeginsIsToFinishOnce() throws {
        let server = try ScriptedServer()
        try server.run(
            { number, connection, context in
                if number == 0 {
                    context.state.pointee.adopt(DetachedConnection(1001, unread: []) {}, nil)
                } else {
                    // Connected when the drain begins, since nobody has called it before.
                    context.assign(connection, to: Patient(diary: diary))
                    context.drain(within: .seconds(60))
                }
                return .continue
            },
            script: [
                { try $0.accept(1000, on: server.listeners[0]) },
                { kernel in
                    #expect(diary.lines == ["connected", "finish"])
                    kernel.completeReceive(try #require(kernel.receives(on: 1001).last).token, [1])
                },
                { _ in },
            ]
        )
        #expect(diary.lines == ["connected", "finish", "received"])
    }

    /// Does not end when it is to.
    private struct Patient: ConnectionWorker {
        let diary: WorkerDiary
        func connected(_ connection: borrowing WorkerConnection<Self>) { diary.lines.append("connected") }
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            diary.lines.append("received")
        }
        func shouldFinish(_ connection: borrowing WorkerConnection<Self>) { diary.lines.append("finish") }
    }
}
