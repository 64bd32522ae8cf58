import Testing

@testable import NBServer
@testable import Uring

/// Time limits of workers, where it matters which of several runs.
@Suite struct WorkerLimitScripts {
    private enum Patient: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(idleTimeLimit: .seconds(3600)) }
    }

    private enum Impatient: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(idleTimeLimit: .milliseconds(10)) }
    }

    private enum Sender: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(sendTimeLimit: .seconds(2)) }
    }

    private let client: Int32 = 1000
    private let diary = WorkerDiary()

    /// How long a connection that lingers is given after its server has stopped.
    private func timeLeftAfterStop<Kind: WorkerKind>(_ kind: Kind.Type) throws -> Duration? {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Kind>(diary: diary)
        var left: Duration?
        try server.run(
            { number, connection, context in
                guard number == 0 else { return .stop }
                context.assign(connection, to: worker)
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { _ in },
                { try $0.accept(1001, on: server.listeners[0]) },
                { _ in },
                { _ in },
                { kernel in for discard in kernel.discards(on: client) { kernel.complete(discard.token, 5) } },
                { kernel in left = kernel.deadline.map { kernel.now.duration(to: $0) } },
            ]
        )
        return left
    }

    @Test func theLimitsOfAWorkerEndWithIt() throws {
        #expect(try timeLeftAfterStop(Patient.self) == .seconds(5))
        #expect(try timeLeftAfterStop(Impatient.self) == .seconds(5))
    }

    /// The kernel's buffer is large: a send into it may make no progress for long while the peer reads all the time.
    @Test func aPeerThatTakesBytesOutOfTheKernelIsNotStuck() throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Sender>(diary: diary) { $0.send("a great deal") }
        let wait: FakeKernel.Step = { $0.now = $0.now + .seconds(2) }
        try server.run(
            { _, connection, context in
                context.assign(connection, to: worker)
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { _ in },
                { kernel in
                    kernel.peers[client, default: PeerState()].takenByteCount = 1
                    try wait(kernel)
                },
                { kernel in
                    #expect(diary.lines == ["connected"])
                    kernel.peers[client, default: PeerState()].takenByteCount = 2
                    try wait(kernel)
                },
                { kernel in
                    #expect(diary.lines == ["connected"])
                    try wait(kernel)
                },
                { _ in #expect(diary.lines == ["connected", "timeout: send"]) },
            ]
        )
    }

    /// Its peer may go on listening, and it goes on.
    private struct HalfOpen: ConnectionWorker {
        static var options: WorkerOptions { WorkerOptions(idleTimeLimit: .seconds(2)) }
        let diary: WorkerDiary

        func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {}
        func peerClosed(_ connection: borrowing WorkerConnection) { diary.lines.append("peerClosed") }
        func timeout(_ limit: TimeLimit, _ connection: borrowing WorkerConnection) {
            diary.lines.append("timeout: \(limit)")
            connection.reset()
        }
    }

    @Test func theEndOfTheStreamIsNoInput() throws {
        let server = try ScriptedServer()
        try server.run(
            { _, connection, context in
                context.assign(connection, to: HalfOpen(diary: diary))
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { kernel in
                    kernel.now = kernel.now + .seconds(1)
                    kernel.completeReceive(try #require(kernel.receives(on: client).last).token, [])
                },
                { kernel in
                    #expect(diary.lines == ["peerClosed"])
                    kernel.now = kernel.now + .seconds(1)
                },
                { _ in #expect(diary.lines == ["peerClosed", "timeout: idle"]) },
            ]
        )
    }
}
