import Glibc
import NBEngine
import Testing

@testable import NBServer

/// How a loop ends, on a fake kernel: listeners first, then `terminate`, then connections, and nothing is lost on the way.
@Suite struct StoppingTests {
    struct Trouble: Error {}

    private func keepGoing(
        _ number: Int,
        _ connection: consuming Connection,
        _ context: borrowing ServerContext
    ) -> Verdict { .continue }

    @Test func aStopVerdictDiscardsWhatTheBatchStillHolds() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, reason) = try server.run(
            { number, connection, _ in
                number == 2 ? .stop("enough") : .continue
            },
            script: [
                { kernel in
                    for descriptor in 100_000..<100_010 { try kernel.accept(Int32(descriptor), on: listener) }
                }
            ]
        )
        #expect(server.journal.delivered.count == 3)
        #expect(server.journal.counters.discardedByReason == [.stopping: 7])
        #expect(server.journal.counters.accepted == 10)
        for descriptor in 100_000..<100_010 { #expect(kernel.closes(of: Int32(descriptor)) == 1) }
        guard case .success(.verdict("enough")) = reason else {
            Issue.record("stopped for \(reason)")
            return
        }
        #expect(server.journal.ends.count == 1)
    }

    @Test(arguments: [EINVAL, EMFILE])
    func whatHappensToAListenerOfAServerThatStopsIsNobodysConcern(errno: Int32) throws {
        var server = try ScriptedServer()
        server.options.whenExhausted = .stop
        let listener = server.listeners[0]
        let (_, reason) = try server.run(
            { _, connection, _ in .stop("enough") },
            script: [
                { kernel in
                    try kernel.accept(100_000, on: listener)
                    try kernel.failAccept(errno, on: listener)
                }
            ]
        )
        #expect(server.journal.infos.isEmpty)
        guard case .success(.verdict("enough")) = reason else {
            Issue.record("stopped for \(reason)")
            return
        }
    }

    @Test(arguments: [true, false])
    func descriptorsThatArriveWhileCancellingAreDiscarded(arrivesLast: Bool) throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            { number, connection, _ in .stop },
            script: [
                { try $0.accept(100_000, on: listener) },
                { kernel in
                    // The cancel is in; two more connections and the end of the arm come in any order of the cancel's own.
                    let accept = try #require(
                        kernel.history.last { if case .accept = $0.operation { true } else { false } }
                    ).token
                    let cancel = try #require(
                        kernel.submitted.first { $0.operation == .cancel(accept, descriptor: listener) }
                    ).token
                    if !arrivesLast { kernel.complete(cancel, 0) }
                },
            ]
        )
        #expect(server.journal.delivered.count == 1)
        #expect(server.journal.ends.count == 1)
        #expect(kernel.closes(of: 100_000) == 1)
    }

    @Test func connectionsAcceptedBetweenTheCancelAndTheEndOfTheArmAreClosed() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            { number, connection, _ in .stop },
            script: [
                { kernel in
                    // All in one batch: the verdict to stop is the first's.
                    try kernel.accept(100_000, on: listener)
                    try kernel.accept(100_001, on: listener, isLast: true)
                },
                { kernel in
                    #expect(kernel.isClosed(100_001))
                    #expect(kernel.arms.isEmpty, "a stopping server arms nothing")
                },
            ]
        )
        #expect(kernel.closes(of: 100_001) == 1)
        #expect(server.journal.counters.discardedByReason == [.stopping: 1])
    }

    @Test func terminateRunsOnceAfterTheListenersAndBeforeTheConnections() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, reason) = try server.run(
            onEnd: { _ in
                #expect(throws: Client.Refused.self) { try Client(server.sockets[0].address) }
            },
            { number, connection, context in
                connection.send("goodbye")
                server.journal.ids.append(context.keep(connection))
                return .continue
            },
            script: [
                { try $0.accept(100_000, on: listener) },
                { kernel in
                    let send = try #require(kernel.sends(on: 100_000).first)
                    kernel.complete(send.token, 7)
                },
                { kernel in #expect(!kernel.isClosed(100_000)) },
                { $0.complete(Token(.wakeUp, slot: 0), 8) },
            ]
        )
        // The kept connection is closed by the stop itself.
        #expect(kernel.closes(of: 100_000) == 1)
        #expect(server.journal.ends.count == 1)
        guard case .success(.requested) = reason else {
            Issue.record("stopped for \(reason)")
            return
        }
    }

    /// With a full queue an accept takes one more than a quantum, and the queue in the kernel is as long as before.
    @Test func whoWaitedWhenADrainBeganIsServedBesidesWhatWasAcceptedAhead() throws {
        var server = try ScriptedServer()
        server.features.quantum = 1
        let listener = server.listeners[0]
        try server.run(
            { number, _, context in
                if number == 0 { context.drain(within: .seconds(60)) }
                return .continue
            },
            script: [
                { kernel in
                    kernel.queueLengths[listener] = 1
                    try kernel.accept(1000, on: listener)
                    try kernel.accept(1001, on: listener)
                    try kernel.accept(1002, on: listener, isLast: true)
                },
                { _ in },
                { kernel in #expect(server.journal.delivered == [0, 1]) },
                { kernel in
                    #expect(server.journal.delivered == [0, 1, 2])
                    kernel.queueLengths[listener] = 0
                    try kernel.accept(1003, on: listener)
                },
                { _ in },
            ]
        )
        #expect(server.journal.delivered == [0, 1, 2, 3])
    }

    @Test func anErrorFromHandleInfoStopsTheServerWithIt() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (_, reason) = try server.run(
            onInfo: { _ in throw Trouble() },
            keepGoing,
            script: [{ try $0.failAccept(EMFILE, on: listener) }]
        )
        guard case .success(.failed(let error)) = reason else {
            Issue.record("stopped for \(reason)")
            return
        }
        #expect(error is Trouble)
        #expect(server.journal.ends.count == 1)
    }

    @Test func aBehaviorThatDeclinesIsNotTerminated() throws {
        let server = try ScriptedServer()
        let (kernel, reason) = try server.run(onBegin: { throw Trouble() }, keepGoing, script: [])
        guard case .failure(let error) = reason else {
            Issue.record("ran: \(reason)")
            return
        }
        #expect(error.code == .beginFailed)
        #expect(error.description.contains("Trouble"))
        #expect(server.journal.ends.isEmpty)
        #expect(kernel.history.isEmpty)
    }

    @Test func aLostRingEndsTheServerAndClosesWhatItServed() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        // Real ones, to see that they are closed.
        let (kept, held, unseen, closing) = (SocketPair(), SocketPair(), SocketPair(), SocketPair())
        var connections: [HeldConnection] = []
        let (_, reason) = try server.run(
            { number, connection, context in
                switch number {
                case 0: _ = context.keep(connection)
                case 1: connections.append(HeldConnection(connection))
                default: connection.reset()
                }
                return .continue
            },
            script: [
                { kernel in
                    try kernel.accept(kept.end, on: listener)
                    try kernel.accept(held.end, on: listener)
                    try kernel.accept(closing.end, on: listener)
                },
                { kernel in
                    #expect(kernel.isReset(closing.end))
                    try kernel.accept(unseen.end, on: listener)
                    kernel.isLost = true
                },
            ]
        )
        guard case .failure(let error) = reason else {
            Issue.record("stopped for \(reason)")
            return
        }
        #expect(error.code == .engineUnavailable)
        #expect(error.description.contains("lost by the script"))
        #expect(server.journal.ends.count == 1)
        #expect(kept.isEndClosed)
        #expect(held.isEndClosed)
        #expect(unseen.isEndClosed)
        #expect(closing.isEndClosed)
        #expect(server.journal.counters.delivered == 3)
        #expect(server.journal.counters.discardedByReason == [.stopping: 1])
        #expect(throws: Client.Refused.self) { try Client(server.sockets[0].address) }
        #expect(connections.first?.connection.peerAddress == nil)
    }

    /// Shows by its life whether the library still has a closure.
    private final class Witness {}

    @Test func whatALostRingDoesNotHandOutIsToldAndForgotten() throws {
        let server = try ScriptedServer()
        var failures: [ServerError.Code?] = []
        let detached = SocketPair()
        weak var witness: Witness?
        do {
            let held = Witness()
            witness = held
            try server.run(
                { _, connection, _ in
                    connection.send("last words")
                    connection.detach { [held] in
                        failures.append($0.failure?.code)
                        extendLifetime(held)
                    }
                    return .continue
                },
                script: [{ try $0.accept(detached.end, on: server.listeners[0]) }, { $0.isLost = true }]
            )
        }
        #expect(failures == [.connectionEnded])
        #expect(detached.isEndClosed)
        #expect(witness == nil)
    }

    @Test func aConnectionThatOutlivesALostRingIsAnOrphan() throws {
        let server = try ScriptedServer()
        let pair = SocketPair()
        var connections: [HeldConnection] = []
        try server.run(
            { _, connection, _ in
                connections.append(HeldConnection(connection))
                return .continue
            },
            script: [{ try $0.accept(pair.end, on: server.listeners[0]) }, { $0.isLost = true }]
        )
        let slot = try #require(connections.first).connection.slot
        #expect(slot.pointee.phase == .outlived)
        // Dropped on whatever thread; what the kernel may still use stays.
        connections = []
        #expect(slot.pointee.phase == .outlived)
    }

    @Test func aParkedListenerIsClosedWithoutACancel() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        let (kernel, _) = try server.run(
            onInfo: { _ in .stop },
            keepGoing,
            script: [{ try $0.failAccept(EMFILE, on: listener) }]
        )
        #expect(kernel.history.count { if case .accept = $0.operation { true } else { false } } == 1)
        #expect(server.journal.ends.count == 1)
    }
}
