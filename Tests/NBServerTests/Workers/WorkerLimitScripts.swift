import NBEngine
import Testing

@testable import NBServer

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
                {
                    $0.unheard[client] = [5]
                    try $0.accept(client, on: server.listeners[0])
                },
                { _ in },
                { try $0.accept(1001, on: server.listeners[0]) },
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
            assigning: worker,
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

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
        func inputEnded(_ connection: borrowing WorkerConnection<Self>) { diary.lines.append("inputEnded") }
        func timedOut(_ limit: TimeLimit, on connection: borrowing WorkerConnection<Self>) {
            diary.lines.append("timeout: \(limit)")
            connection.reset()
        }
    }

    @Test func theEndOfTheStreamIsNoInput() throws {
        let server = try ScriptedServer()
        try server.run(
            assigning: HalfOpen(diary: diary),
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { kernel in
                    kernel.now = kernel.now + .seconds(1)
                    kernel.completeReceive(try #require(kernel.receives(on: client).last).token, [])
                },
                { kernel in
                    #expect(diary.lines == ["inputEnded"])
                    kernel.now = kernel.now + .seconds(1)
                },
                { _ in #expect(diary.lines == ["inputEnded", "timeout: idle"]) },
            ]
        )
    }

    private enum Reader: WorkerKind {
        static var options: WorkerOptions {
            WorkerOptions(receiving: .continuous, framing: .line, receiveTimeLimit: .seconds(2))
        }
    }

    /// Gives the only connection to a worker that reads lines within two seconds.
    private func runReader(_ steps: [FakeKernel.Step]) throws {
        let server = try ScriptedServer()
        let worker = DiaryWorker<Reader>(diary: diary)
        try server.run(
            assigning: worker,
            script: [{ try $0.accept(client, on: server.listeners[0]) }, { _ in }] + steps
        )
    }

    /// Time passes while the loop does not look, and so much has arrived by then.
    private func late(_ seconds: Int, unreceived: Int, hasEnded: Bool = false) -> FakeKernel.Step {
        { kernel in
            kernel.now = kernel.now + .seconds(seconds)
            kernel.peers[client, default: PeerState()].unreceivedByteCount = unreceived
            kernel.peers[client]?.hasEnded = hasEnded
        }
    }

    private func receive(_ text: String) -> FakeKernel.Step {
        { kernel in
            kernel.completeReceive(Token(.receive, slot: 0), Array(text.utf8))
        }
    }

    private func expectLines(_ lines: [String]) -> FakeKernel.Step {
        { _ in #expect(diary.lines == ["connected"] + lines) }
    }

    @Test func whatArrivedWhileTheLoopWasLateIsReceivedBeforeALimitEndsAnything() throws {
        try runReader([
            late(30, unreceived: 6), expectLines([]), late(1, unreceived: 0), receive("hello\n"),
            expectLines(["received hello"]),
            late(1, unreceived: 0), expectLines(["received hello"]),
            late(1, unreceived: 0), expectLines(["received hello", "timeout: receive"]),
        ])
    }

    @Test func theEndOfTheStreamIsHeardBeforeALimitEndsAnything() throws {
        try runReader([
            late(30, unreceived: 0, hasEnded: true), expectLines([]),
            { $0.complete(Token(.receive, slot: 0), 0) },
            expectLines(["inputEnded, 0 bytes cut", "closed: closed"]),
        ])
    }

    /// What has arrived by then is half a line. More comes all the time, and none of it counts.
    @Test func bytesOfAnUnfinishedLineKeepNoLimitFromPassing() throws {
        try runReader([
            late(2, unreceived: 3), expectLines([]),
            late(0, unreceived: 7),
            receive("hal"), expectLines(["timeout: receive", "closed: reset"]),
        ])
    }

    @Test func whatArrivedAndIsNeverReceivedIsWaitedForOnceMore() throws {
        try runReader([
            late(2, unreceived: 3), { #expect($0.deadline.map($0.now.duration) == .seconds(2)) },
            late(2, unreceived: 3), expectLines(["timeout: receive"]),
        ])
    }

    /// The loop asks for something in a callback that takes longer than the limit: the peer could not have answered before.
    @Test func aLimitBeginsWhenTheTurnThatBeganItIsOver() throws {
        let server = try ScriptedServer()
        let slow = DiaryWorker<Reader>(diary: diary)
        nonisolated(unsafe) var kernelOfServer: FakeKernel?
        try server.run(
            { _, connection, context in
                context.assign(connection, to: slow)
                // The rest of the callback.
                if let kernel = kernelOfServer { kernel.now = kernel.now + .seconds(3) }
                return .continue
            },
            script: [
                { kernel in
                    kernelOfServer = kernel
                    try kernel.accept(client, on: server.listeners[0])
                },
                // The loop may look again before it sleeps.
                { _ in },
                { _ in },
                { kernel in
                    #expect(diary.lines == ["connected"])
                    #expect(kernel.deadline.map(kernel.now.duration) == .seconds(2))
                },
            ]
        )
    }
}
