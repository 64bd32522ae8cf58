import Glibc
import NBEngine
import Testing

@testable import NBServer

/// How long the end of a connection may take, on a fake kernel: as long as its peer takes what it is sent.
@Suite struct CloseLimitTests {
    private let client: Int32 = 100_000
    /// More than leaves at once.
    private let answer = [UInt8](repeating: 1, count: 100)

    private enum Sender: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(sendTimeLimit: .seconds(60)) }
    }

    private func after(_ seconds: Int, _ body: @escaping (inout PeerState) -> Void = { _ in }) -> FakeKernel.Step {
        { kernel in
            kernel.now = kernel.now + .seconds(seconds)
            body(&kernel.peers[client, default: PeerState()])
        }
    }

    private func expectWait(_ kernel: FakeKernel, for time: Duration) {
        #expect(!kernel.isReset(client))
        #expect(kernel.deadline.map { kernel.now.duration(to: $0) } == time)
    }

    /// A client comes whose socket takes nothing for now.
    private func acceptStuck(_ server: ScriptedServer) -> FakeKernel.Step {
        { kernel in
            kernel.sendResults[client] = [-EAGAIN]
            try kernel.accept(client, on: server.listeners[0])
        }
    }

    /// Sends an answer, drops the connection, and runs the script from there.
    private func run(
        _ options: ServerOptions,
        _ script: [FakeKernel.Step]
    ) throws -> ServerCounters {
        var server = try ScriptedServer()
        server.options = options
        try server.run(
            { _, connection, _ in
                connection.send(answer)
                return .continue
            },
            script: [acceptStuck(server), { expectWait($0, for: .seconds(5)) }] + script
        )
        return server.journal.counters
    }

    @Test func aPeerThatReadsIsNotCutOff() throws {
        var steps: [FakeKernel.Step] = []
        // Ten times the limit in all.
        for count in 1...10 {
            steps += [
                after(5) {
                    $0.takenByteCount = UInt32(count)
                    $0.sinceLastAcknowledgment = .seconds(1)
                },
                { expectWait($0, for: .seconds(4)) },
                after(4) {
                    $0.takenByteCount = UInt32(100 + count)
                    $0.sinceLastAcknowledgment = .zero
                },
                { expectWait($0, for: .seconds(5)) },
            ]
        }
        steps += [after(5), { #expect($0.isReset(client)) }]
        #expect(try run(ServerOptions(), steps).expired == 1)
    }

    /// The loop was late to give the kernel more.
    @Test func aPeerThatHasTakenAllThereWasIsNotStuck() throws {
        let counters = try run(
            ServerOptions(),
            [
                after(50) {
                    $0.takenByteCount = 99
                    $0.sinceLastAcknowledgment = .seconds(49)
                    $0.hasUntakenBytes = false
                },
                // The loop was late, and looks again before it sleeps.
                { expectWait($0, for: .zero) },
                { expectWait($0, for: .seconds(5)) },
                after(5) { $0.hasUntakenBytes = true },
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(counters.expired == 1)
    }

    @Test func theWholeEndHasALimitIfItIsGivenOne() throws {
        let counters = try run(
            ServerOptions(wholeCloseTimeLimit: .seconds(8)),
            [
                after(5) { $0.takenByteCount = 1 },
                { expectWait($0, for: .seconds(3)) },
                after(3) { $0.takenByteCount = 2 },
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(counters.expired == 1)
    }

    @Test func aSendThatGoesOnIsProgress() throws {
        let counters = try run(
            ServerOptions(),
            [
                { kernel in
                    kernel.now = kernel.now + .seconds(4)
                    kernel.sendResults[client] = [-EAGAIN]
                    kernel.complete(Token(.send, slot: 0), 50)
                },
                after(1),
                { expectWait($0, for: .seconds(4)) },
                after(4),
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(counters.expired == 1)
    }

    /// What a client that has everything has yet to do is to end its side; and if it has, the loop has only to look.
    @Test func aClientThatHasEndedItsSideIsNotResetForALateLoop() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send("hello")
                return .continue
            },
            script: [
                // It spoke, and is heard out.
                {
                    $0.unheard[client] = [5]
                    try $0.accept(client, on: server.listeners[0])
                },
                { expectWait($0, for: .seconds(5)) },
                after(50) { $0.hasEnded = true },
                { kernel in
                    #expect(!kernel.isReset(client))
                    kernel.complete(Token(.discardInput, slot: 0), 0)
                },
                { #expect($0.isClosed(client) && !$0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(server.journal.counters.expired == 0)
    }

    @Test func theSendLimitOfAWorkerHoldsForWhatIsLeftWhenItCloses() throws {
        let server = try ScriptedServer()
        let diary = WorkerDiary()
        let worker = DiaryWorker<Sender>(diary: diary) { connection in
            connection.send(answer)
            connection.close()
        }
        try server.run(
            assigning: worker,
            script: [
                acceptStuck(server),
                { _ in },
                { expectWait($0, for: .seconds(5)) },
                after(5),
                { expectWait($0, for: .seconds(55)) },
                after(55),
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(diary.lines.last?.hasPrefix("closed: the peer took nothing") == true)
    }

    /// A server that has stopped waits for its connections as long as it was told to, and not for longer.
    @Test(arguments: [(Duration?.none, 20), (.seconds(7), 7), (.zero, 0), (.seconds(1000), 20)])
    func patienceHasAnEnd(limit: Duration?, seconds: Int) throws {
        var server = try ScriptedServer()
        server.options.closeTimeLimit = .seconds(3600)
        let (kernel, reason) = try server.run(
            { _, connection, context in
                connection.send(answer)
                context.state.pointee.control.requestStop(within: limit)
                return .continue
            },
            script: [acceptStuck(server)]
        )
        #expect(try "\(reason.get())" == "\(StopReason.requested)")
        let reset = try #require(kernel.history.first { $0.operation == .disconnect(descriptor: client) })
        #expect(Instant(nanoseconds: 1_000_000_000).duration(to: reset.time) == .seconds(seconds))
    }
}
