import Glibc
import NBEngine
import Testing

@testable import NBServer
@testable import NBUring

/// A kernel that is short of memory, and one that cannot receive: what is tried again, when, and what is not.
@Suite struct ShortageTests {
    private enum Continuous: WorkerKind {
        static var options: WorkerOptions { WorkerOptions(receiving: .continuous) }
    }

    private let client: Int32 = 1000
    private let diary = WorkerDiary()
    private let wakeUp = Token(.wakeUp, slot: 0)

    private func readsWakeUp(_ kernel: FakeKernel) -> Bool {
        kernel.submitted.contains { $0.token == wakeUp }
    }

    /// The loop sleeps for this long; then that time has passed.
    private func sleep(_ kernel: FakeKernel, _ duration: Duration) {
        #expect(kernel.deadline == kernel.now + duration)
        kernel.now = kernel.now + duration
    }

    /// A server with one connection, which a worker has.
    private func run(_ server: ScriptedServer, _ script: [FakeKernel.Step]) throws -> FakeKernel {
        let worker = DiaryWorker<Continuous>(diary: diary)
        let (kernel, _) = try server.run(
            assigning: worker,
            script: [{ try $0.accept(client, on: server.listeners[0]) }] + script
        )
        return kernel
    }

    // MARK: The wake-up

    @Test(arguments: [ENOMEM, EAGAIN, ENOBUFS, EIO])
    func aWakeUpThatIsRefusedIsReadAgainAfterAPauseThatGrows(errno: Int32) throws {
        let server = try ScriptedServer()
        let pauses = [1, 2, 4, 8, 16, 32, 64, 128, 128, 128].map { Duration.milliseconds($0) }
        let failures: [[FakeKernel.Step]] = pauses.map { pause in
            [
                { kernel in
                    #expect(readsWakeUp(kernel))
                    kernel.complete(wakeUp, -errno)
                },
                { kernel in
                    #expect(!readsWakeUp(kernel))
                    sleep(kernel, pause)
                },
            ]
        }
        let (_, reason) = try server.run(
            { _, _, _ in .continue },
            script: failures.flatMap { $0 } + [{ #expect(readsWakeUp($0) && $0.deadline == nil) }]
        )
        #expect(try "\(reason.get())" == "\(StopReason.requested)")
    }

    @Test func aShortageThatComesBackLaterBeginsWithTheShortestPause() throws {
        let server = try ScriptedServer()
        try server.run(
            { _, _, _ in .continue },
            script: [
                { $0.complete(wakeUp, -ENOMEM) },
                { sleep($0, .milliseconds(1)) },
                { $0.complete(wakeUp, -ENOMEM) },
                { sleep($0, .milliseconds(2)) },
                {
                    $0.now = $0.now + .seconds(2)
                    $0.complete(wakeUp, -ENOMEM)
                },
                { sleep($0, .milliseconds(1)) },
            ]
        )
    }

    /// What others want meanwhile is found by looking: the script's end asks for a stop, and can wake nobody.
    @Test func aStopIsNoticedWhileTheWakeUpIsRefused() throws {
        let server = try ScriptedServer()
        let (kernel, reason) = try server.run({ _, _, _ in .continue }, script: [{ $0.complete(wakeUp, -ENOMEM) }])
        #expect(try "\(reason.get())" == "\(StopReason.requested)")
        // Also a server that stops can be woken, by a signal that ends its patience.
        #expect(kernel.history.count { $0.token == wakeUp } == 2)
    }

    @Test(arguments: [EBADF, EINVAL])
    func aWakeUpDescriptorThatIsGoneStopsTheServer(errno: Int32) throws {
        let server = try ScriptedServer()
        let (_, reason) = try server.run({ _, _, _ in .continue }, script: [{ $0.complete(wakeUp, -errno) }])
        guard case .failure(let error) = reason else {
            Issue.record("ended as \(reason)")
            return
        }
        #expect(error.code == .engineUnavailable)
        #expect(error.errno == errno)
        #expect(server.journal.ends.count == 1)
    }

    // MARK: Connections

    @Test func aReceiveThatIsRefusedIsSubmittedAgainAfterAPause() throws {
        let server = try ScriptedServer()
        _ = try run(
            server,
            [
                { $0.complete(try #require($0.receives(on: client).last).token, -ENOMEM) },
                { kernel in
                    #expect(kernel.receives(on: client).isEmpty)
                    sleep(kernel, .milliseconds(1))
                },
                { $0.completeReceive(try #require($0.receives(on: client).last).token, Array("hello".utf8)) },
                { #expect($0.receives(on: client).count == 1) },
            ]
        )
        #expect(diary.lines == ["connected", "received hello", "closed: the server has stopped"])
    }

    /// By a call, if it is the last, and as an operation.
    @Test(arguments: [ENOMEM, ENOBUFS])
    func theLastBytesThatAreRefusedAreSentAfterAPauseAndNothingIsLost(errno: Int32) throws {
        let server = try ScriptedServer()
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send(bytes)
                return .continue
            },
            script: [
                {
                    $0.sendResults[client] = [-errno]
                    try $0.accept(client, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.lastBytes(on: client) == [bytes] && !kernel.isClosed(client))
                    sleep(kernel, .milliseconds(1))
                },
                { kernel in
                    #expect(kernel.lastBytes(on: client) == [bytes])
                    #expect(kernel.isClosed(client) && !kernel.isReset(client))
                },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
    }

    @Test(arguments: [ENOMEM, ENOBUFS])
    func aSendThatIsRefusedIsSubmittedAgainAfterAPauseAndLosesNothing(errno: Int32) throws {
        let server = try ScriptedServer()
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let (kernel, _) = try server.run(
            { _, connection, context in
                connection.send(bytes)
                _ = context.keep(connection)
                return .continue
            },
            script: [
                { try $0.accept(client, on: server.listeners[0]) },
                { $0.complete(try #require($0.sends(on: client).first).token, -errno) },
                { kernel in
                    #expect(kernel.sends(on: client).isEmpty && !kernel.isClosed(client))
                    // The close limit is later.
                    sleep(kernel, .milliseconds(1))
                },
                { kernel in
                    let send = try #require(kernel.sends(on: client).first)
                    #expect(send.bytes == bytes)
                    kernel.complete(send.token, Int32(bytes.count))
                },
                { #expect(!$0.isClosed(client) && $0.sends(on: client).isEmpty) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
    }

    /// Unread input, which was not looked for, would make the close a reset.
    @Test func aCheckThatIsRefusedIsTakenForAClientThatSpoke() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send("bye")
                return .continue
            },
            script: [
                {
                    $0.unheard[client] = [-ENOMEM]
                    try $0.accept(client, on: server.listeners[0])
                },
                { kernel in
                    #expect(kernel.endedOutputs == [client] && !kernel.isClosed(client))
                    kernel.complete(try #require(kernel.discards(on: client).first).token, -ENOMEM)
                },
                { kernel in
                    #expect(kernel.discards(on: client).isEmpty && !kernel.isClosed(client))
                    sleep(kernel, .milliseconds(1))
                },
                { $0.complete(try #require($0.discards(on: client).first).token, 0) },
                { #expect($0.isClosed(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
    }

    // MARK: Receive buffers

    @Test func aBufferWhoseReturnFailsIsReturnedAgainAfterAPause() throws {
        let server = try ScriptedServer()
        let kernel = try run(
            server,
            [
                { $0.completeReceive(try #require($0.receives(on: client).last).token, Array("hello".utf8)) },
                { kernel in
                    #expect(kernel.returns == [1])
                    kernel.refuseReturn(of: 1)
                },
                { kernel in
                    #expect(kernel.returns == [1])
                    sleep(kernel, .milliseconds(1))
                },
                { kernel in
                    #expect(kernel.returns == [1, 1])
                    kernel.refuseReturn(of: 1)
                },
                { sleep($0, .milliseconds(2)) },
                { #expect($0.deadline == nil) },
            ]
        )
        #expect(kernel.returns == [1, 1, 1])
        #expect(diary.lines == ["connected", "received hello", "closed: the server has stopped"])
    }

    @Test func whoFindsNoBufferBecauseAllReturnsFailedWaitsForThem() throws {
        var server = try ScriptedServer()
        server.options.receiveBufferCount = 1
        _ = try run(
            server,
            [
                { $0.completeReceive(try #require($0.receives(on: client).last).token, Array("hello".utf8)) },
                { kernel in
                    kernel.refuseReturn(of: 1)
                    kernel.complete(try #require(kernel.receives(on: client).last).token, -ENOBUFS)
                },
                { kernel in
                    #expect(kernel.receives(on: client).isEmpty)
                    sleep(kernel, .milliseconds(1))
                },
                { kernel in
                    #expect(kernel.returns == [1, 1])
                    #expect(kernel.deadline == kernel.now)
                },
                { #expect($0.receives(on: client).count == 1) },
            ]
        )
    }

    @Test func whereTheRingCannotReceiveAWorkerHearsOfItAndNothingIsReceived() throws {
        var server = try ScriptedServer()
        server.features.receives = false
        let kernel = try run(server, [{ #expect($0.isReset(client)) }])
        #expect(diary.lines == ["connected", "closed: lost: \(errorText(EOPNOTSUPP))"])
        #expect(kernel.openings == 0)
        #expect(!kernel.history.contains { $0.token.kind == TokenKind.receive.rawValue })
    }
}
