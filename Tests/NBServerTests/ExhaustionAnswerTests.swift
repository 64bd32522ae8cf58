import Glibc
import NBEngine
import Testing

@testable import NBServer

/// What the loop does when descriptors run out, by `ServerOptions.Exhaustion`, on a fake kernel.
@Suite struct ExhaustionAnswerTests {
    private func server(_ answer: ServerOptions.Exhaustion, listeners: Int = 1) throws -> ScriptedServer {
        var server = try ScriptedServer(listeners: listeners)
        server.options.whenExhausted = answer
        return server
    }

    private func take(_ number: Int, _ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict
    {
        .continue
    }

    @Test func sheddingResetsClientsWithTheReserveUntilThereIsRoom() throws {
        let server = try server(.shed)
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            take,
            script: [
                { kernel in
                    #expect(kernel.hasReserve)
                    kernel.hasRoomForReserve = false
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { kernel in
                    #expect(!kernel.hasReserve)
                    #expect(kernel.arms == [listener])
                    try kernel.accept(100_000, on: listener)
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { kernel in
                    #expect(kernel.isReset(100_000))
                    let close = kernel.submitted.firstIndex { $0.operation == .close(descriptor: 100_000) }
                    let arm = kernel.submitted.firstIndex { $0.operation == .accept(listener: listener, .multishot) }
                    try #expect(#require(close) < #require(arm))
                    kernel.hasRoomForReserve = true
                    try kernel.accept(100_001, on: listener)
                    try kernel.accept(100_002, on: listener)
                },
            ]
        )
        #expect(server.journal.infos == ["shedding: \(EMFILE)", "recovered"])
        #expect(server.journal.counters.delivered == 2)
        #expect(server.journal.counters.discardedByReason == [.descriptors: 1])
        #expect(server.journal.counters.parkedByReason == [.descriptors: 2])
        #expect(kernel.closes(of: 100_000) == 1)
        #expect(kernel.hasReserve)
    }

    @Test func aReserveThatSomebodyElseTookParksTheListener() throws {
        let server = try server(.shed)
        let listener = server.listeners[0]
        let fail: FakeKernel.Step = { kernel in
            #expect(kernel.arms == [listener])
            kernel.hasRoomForReserve = false
            try kernel.failAccept(EMFILE, on: listener)
        }
        try server.run(
            take,
            script: [
                fail, fail, fail,
                { kernel in
                    #expect(kernel.arms.isEmpty)
                    #expect(kernel.deadline == kernel.now + .milliseconds(1000))
                },
            ]
        )
        #expect(server.journal.infos == ["shedding: \(EMFILE)"])
        #expect(server.journal.counters.discardedByReason == [:])
        #expect(server.journal.counters.parkedByReason == [.descriptors: 3])
    }

    /// A connection that was handed out belongs to its receiver, and its descriptor still counts.
    @Test func aDetachedConnectionThatIsDroppedWakesAServerThatIsShortOfDescriptors() throws {
        let server = try server(.park)
        let listener = server.listeners[0]
        let pair = SocketPair()
        // Its owner, on whatever thread.
        let owner = Lock<DetachedConnection?>(nil)
        var start = Instant(nanoseconds: 0)
        try server.run(
            { _, connection, _ in
                connection.detach { detached in owner.withLock { $0 = try? detached.get() } }
                return .continue
            },
            script: [
                { try $0.accept(pair.end, on: listener) },
                { kernel in
                    #expect(owner.withLock { $0?.withDescriptor { $0 } } == pair.end)
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { kernel in
                    #expect(!kernel.isArmed(listener))
                    start = kernel.now
                    let event = try #require(kernel.wakeUpDescriptor)
                    #expect(!isReadable(event))
                    owner.withLock { $0 = nil }
                    #expect(pair.isEndClosed)
                    #expect(isReadable(event))
                },
                { #expect($0.deadline == $0.now) },
                { kernel in
                    #expect(kernel.arms == [listener])
                    #expect(kernel.now == start)
                    try kernel.accept(100_000, on: listener)
                },
            ]
        )
        #expect(server.journal.infos == ["parked: \(EMFILE)", "recovered"])
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 1
    }

    @Test func aListenerWithoutTroubleDoesNotKeepTheReserve() throws {
        let server = try server(.shed, listeners: 2)
        let (first, second) = (server.listeners[0], server.listeners[1])
        try server.run(
            take,
            script: [
                { kernel in
                    kernel.hasRoomForReserve = false
                    try kernel.failAccept(EMFILE, on: first)
                },
                { try $0.accept(100_000, on: second) },
                { #expect($0.isReset(100_000)) },
            ]
        )
        #expect(server.journal.delivered.isEmpty)
        #expect(server.journal.counters.discardedByReason == [.descriptors: 1])
    }

    @Test func whatComesWhileStoppingIsNotShed() throws {
        let server = try server(.shed)
        let listener = server.listeners[0]
        try server.run(
            onInfo: { _ in .stop },
            take,
            script: [
                { kernel in
                    kernel.hasRoomForReserve = false
                    try kernel.failAccept(EMFILE, on: listener)
                }
            ]
        )
        #expect(server.journal.ends.count == 1)
        #expect(server.journal.counters.shed == 0)
    }

    @Test func aRefusalIsNoExhaustion() throws {
        for answer in [ServerOptions.Exhaustion.shed, .stop] {
            let server = try server(answer)
            let listener = server.listeners[0]
            let (kernel, reason) = try server.run(
                take,
                script: [
                    { try $0.failAccept(EPERM, on: listener) },
                    { #expect($0.arms.isEmpty) },
                ]
            )
            #expect(server.journal.infos == ["parked: \(EPERM)"])
            #expect(kernel.hasReserve == (answer == .shed))
            #expect(throws: Never.self) { try reason.get() }
        }
    }

    @Test(arguments: [
        (EMFILE, AdmissionReason.descriptors), (ENFILE, .descriptors), (ENOBUFS, .memory), (ENOMEM, .memory),
        (EPERM, .refused), (EIO, .refused),
    ])
    func parksAreCountedByReason(_ errno: Int32, _ reason: AdmissionReason) throws {
        let server = try server(.park)
        try server.run(take, script: [{ try $0.failAccept(errno, on: server.listeners[0]) }])
        #expect(server.journal.counters.parkedByReason == [reason: 1])
        #expect(server.journal.counters.acceptFailures == 1)
    }

    @Test func stoppingAtExhaustionSaysWhy() throws {
        let server = try server(.stop, listeners: 2)
        let (_, reason) = try server.run(take, script: [{ try $0.failAccept(ENFILE, on: server.listeners[1]) }])
        #expect(server.journal.infos == ["parked: \(ENFILE)"])
        #expect(server.journal.ends.count == 1)
        guard case .failure(let error) = reason else {
            Issue.record("the server stopped without an error")
            return
        }
        #expect(error.code == .outOfResources)
        #expect(error.errno == ENFILE)
    }

    @Test func parkingKeepsNoReserve() throws {
        let server = try server(.park)
        let (kernel, _) = try server.run(take, script: [{ try $0.failAccept(EMFILE, on: server.listeners[0]) }])
        #expect(!kernel.hasReserve)
    }

    /// Where work is not deferred, an accept can fail just before a close that is submitted in the same turn.
    @Test func aDescriptorFreedInTheTurnOfTheFailureEndsThePause() throws {
        let server = try server(.park)
        let listener = server.listeners[0]
        try server.run(
            take,
            script: [
                { try $0.accept(100_000, on: listener) },
                { kernel in
                    #expect(kernel.isClosed(100_000))
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { kernel in
                    #expect(kernel.arms == [listener])
                    try kernel.failAccept(EMFILE, on: listener)
                },
                { #expect($0.arms.isEmpty) },
            ]
        )
    }
}
