import Glibc
import NBEngine
import Testing

@testable import NBServer

/// How a peer is heard out that spoke when its connection was dropped, on a fake kernel: for how long, and how many at a time.
@Suite struct LingerTests {
    private let client: Int32 = 100_000

    private func greet(_: Int, _ connection: consuming Connection, _: borrowing ServerContext) -> Verdict {
        connection.send("No soup for you!\n")
        return .continue
    }

    /// Clients come that have spoken.
    private func accept(_ clients: Range<Int32>, on listener: Int32) -> FakeKernel.Step {
        { kernel in
            for client in clients {
                kernel.unheard[client] = [5]
                try kernel.accept(client, on: listener)
            }
        }
    }

    private func speak(after time: Duration) -> FakeKernel.Step {
        { kernel in
            #expect(!kernel.isReset(client))
            kernel.now = kernel.now + time
            kernel.complete(Token(.discardInput, slot: 0), 1000)
        }
    }

    /// A second passes in which the client is heard out.
    private func stillHeard(_ kernel: FakeKernel) {
        #expect(!kernel.isReset(client))
        kernel.now = kernel.now + .seconds(1)
    }

    @Test func aPeerThatSaysNothingMoreIsResetAfterTheCloseLimit() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            greet,
            script: [
                accept(client..<client + 1, on: server.listeners[0]),
                { kernel in
                    #expect(kernel.discards(on: client).count == 1)
                    #expect(kernel.deadline == kernel.now + .seconds(5))
                    kernel.now = kernel.now + .seconds(5)
                },
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(server.journal.counters.expired == 1)
    }

    /// Not for ever: a byte now and then would hold the descriptor for as long as the peer likes.
    @Test func aPeerThatGoesOnIsHeardOutForTheLingerLimit() throws {
        let server = try ScriptedServer()
        let goesOn = Array(repeating: speak(after: .seconds(4)), count: 7)
        let (kernel, _) = try server.run(
            greet,
            script: [accept(client..<client + 1, on: server.listeners[0])] + goesOn + [
                stillHeard, stillHeard,
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(server.journal.counters.expired == 1)
    }

    /// The limit on the whole end counts from when the connection began to end, which is long after the clock's beginning.
    @Test func aPeerThatGoesOnIsHeardOutWhereTheWholeEndHasALimit() throws {
        var server = try ScriptedServer()
        server.options.wholeCloseTimeLimit = .seconds(10)
        let (kernel, _) = try server.run(
            greet,
            script: [
                { (kernel: FakeKernel) in kernel.now = kernel.now + .seconds(1000) },
                accept(client..<client + 1, on: server.listeners[0]),
                speak(after: .seconds(4)), stillHeard, speak(after: .seconds(3)), stillHeard, stillHeard,
                { #expect($0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(server.journal.counters.expired == 1)
    }

    @Test func aPeerThatEndsItsSideIsClosedAndNotReset() throws {
        let server = try ScriptedServer()
        let (kernel, _) = try server.run(
            greet,
            script: [
                accept(client..<client + 1, on: server.listeners[0]), speak(after: .seconds(4)),
                { $0.complete(Token(.discardInput, slot: 0), 0) },
                { #expect($0.calls == [.close(client)] && !$0.isReset(client)) },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        #expect(server.journal.counters.expired == 0)
    }

    @Test(arguments: [0, 1, 3])
    func oneMoreThanTheLimitResetsTheOneThatWasHeardOutLongest(limit: Int) throws {
        var server = try ScriptedServer()
        server.options.lingerLimit = limit
        let clients = client..<client + 5
        try server.run(
            greet,
            script: [
                accept(clients, on: server.listeners[0]),
                { kernel in
                    for client in clients {
                        let isReset = client < clients.upperBound - Int32(limit)
                        #expect(kernel.isReset(client) == isReset, "\(client)")
                        #expect(kernel.lastBytes(on: client).count == 1)
                        #expect(kernel.endedOutputs.contains(client))
                    }
                },
            ]
        )
        #expect(server.journal.counters.expired >= UInt64(5 - limit))
    }

    /// Who has left makes room; and each listener has its own.
    @Test func theLimitIsOnThoseOfOneListenerThatAreStillHeardOut() throws {
        var server = try ScriptedServer(listeners: 2)
        server.options.lingerLimit = 2
        let (first, second) = (server.listeners[0], server.listeners[1])
        try server.run(
            greet,
            script: [
                accept(client..<client + 2, on: first),
                { kernel in
                    try accept(client + 2..<client + 4, on: second)(kernel)
                    kernel.complete(try #require(kernel.discards(on: client).first).token, 0)
                },
                { try accept(client + 4..<client + 5, on: first)($0) },
                { kernel in
                    for client in client..<client + 5 { #expect(!kernel.isReset(client)) }
                    try accept(client + 5..<client + 6, on: first)(kernel)
                },
                { kernel in
                    for client in client..<client + 6 { #expect(kernel.isReset(client) == (client == self.client + 1)) }
                },
            ]
        )
    }

    /// Connections that leave are forgotten, however many there are while one stays.
    @Test func theLineOfThoseWhoAreHeardOutStaysShort() throws {
        let server = try ScriptedServer()
        let listener = server.listeners[0]
        var lengths: [Int] = []
        let next: FakeKernel.Step = { kernel in
            for discard in kernel.submitted {
                guard case .discardInput(let descriptor) = discard.operation, descriptor > client else { continue }
                kernel.complete(discard.token, 0)
            }
            try accept(client + 1..<client + 2, on: listener)(kernel)
        }
        try server.run(
            onEnd: { lengths = $0.state.pointee.connections.pointee.lingering.map(\.length) },
            greet,
            script: [accept(client..<client + 1, on: listener)] + Array(repeating: next, count: 300)
        )
        // The first line is for those that came from elsewhere.
        #expect(lengths.count == 2 && lengths[0] == 0)
        #expect((1...68).contains(lengths[1]))
    }
}
