import Glibc
import NBEngine
import Testing

@testable import NBServer

/// How a connection ends whose peer does not take its last bytes for now, on a fake kernel: after a close, anything that the peer says
/// would reset the connection, and what has not been sent would be lost.
@Suite struct DrainingConnectionTests {
    private let client: Int32 = 100_000

    /// Sends so many bytes, drops the connection, and runs the script from there.
    private func run(_ count: Int, _ script: [FakeKernel.Step]) throws -> (kernel: FakeKernel, counters: ServerCounters)
    {
        let server = try ScriptedServer()
        let accept: FakeKernel.Step = { kernel in
            kernel.unsent = [client]
            try kernel.accept(client, on: server.listeners[0])
        }
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send([UInt8](repeating: 7, count: count))
                return .continue
            },
            script: [accept] + script
        )
        return (kernel, server.journal.counters)
    }

    private func completeDiscard(_ result: Int32) -> FakeKernel.Step {
        { $0.complete(try #require($0.discards(on: client).first).token, result) }
    }

    private func pass(_ seconds: Int, taken: UInt32, all: Bool = false) -> FakeKernel.Step {
        { kernel in
            #expect(!kernel.isClosed(client))
            kernel.now = kernel.now + .seconds(seconds)
            kernel.peers[client, default: PeerState()].takenByteCount = taken
            kernel.peers[client]?.hasUntakenBytes = !all
        }
    }

    @Test func whatHasNotLeftIsWaitedForUntilThePeerEndsItsSide() throws {
        let (kernel, counters) = try run(
            1000,
            [
                { kernel in
                    #expect(kernel.lastBytes(on: client).map(\.count) == [1000])
                    #expect(kernel.endedOutputs == [client])
                    #expect(!kernel.isClosed(client))
                    try completeDiscard(5)(kernel)
                },
                completeDiscard(0),
                { #expect($0.calls == [.close(client)]) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(counters.expired == 0)
    }

    /// However slowly it does.
    @Test func aPeerThatTakesTheRestAndStaysIsClosedAndNotReset() throws {
        let (kernel, counters) = try run(
            1000,
            (1...20).map { pass(4, taken: $0) } + [
                pass(5, taken: 21, all: true),
                { kernel in
                    let cancel = kernel.submitted.contains {
                        $0.operation == .cancel(Token(.discardInput, slot: 0), descriptor: client)
                    }
                    #expect(cancel)
                },
                { #expect($0.calls == [.close(client)] && !$0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(counters.expired == 0)
    }

    /// Looked at once a turn, and not over and over.
    @Test func aLimitOfNoTimeEndsTheWaitForAPeerThatHasEverything() throws {
        var server = try ScriptedServer()
        server.options.closeTimeLimit = .zero
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send([UInt8](repeating: 7, count: 1000))
                return .continue
            },
            script: [
                { kernel in
                    kernel.unsent = [client]
                    try kernel.accept(client, on: server.listeners[0])
                },
                { kernel in kernel.peers[client, default: PeerState()].hasUntakenBytes = false },
                { _ in },
                { #expect($0.calls == [.close(client)] && !$0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(server.journal.counters.expired == 0)
    }

    /// What it says is no progress.
    @Test func aPeerThatTakesNothingIsReset() throws {
        let (kernel, counters) = try run(
            1000,
            [
                pass(3, taken: 0),
                { kernel in
                    kernel.now = kernel.now + .seconds(1)
                    kernel.complete(Token(.discardInput, slot: 0), 100)
                },
                pass(1, taken: 0),
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(counters.expired == 1)
    }

    /// A few bytes on a connection on which nothing was sent before: the kernel is not asked, since any peer has room for them.
    @Test func aFewBytesOfANewConnectionLeaveAtOnce() throws {
        let (kernel, _) = try run(512, [{ #expect($0.isClosed(client)) }])
        #expect(kernel.closes(of: client) == 1)
    }

    /// Nothing comes any more that could reset the connection.
    @Test func aPeerThatHasEndedItsSideIsNotWaitedFor() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            { _, connection, _ in
                connection.send([UInt8](repeating: 7, count: 1000))
                return .continue
            },
            script: [
                { kernel in
                    kernel.unsent = [client]
                    kernel.unheard[client] = [0]
                    try kernel.accept(client, on: server.listeners[0])
                },
                { #expect($0.isClosed(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
    }
}
