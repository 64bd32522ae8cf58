import Glibc
import NBEngine
import Testing

@testable import NBServer

/// Which sends complete only if they fall short, and what becomes of them, on a fake kernel that says nothing of what it takes.
@Suite struct SendingAtOnceTests {
    private let first: Int32 = 100_000
    private let hello = [UInt8]("hello".utf8)

    /// Says "hello" to its client, and what the client says back to it.
    private struct Parrot: ConnectionWorker {
        static var options: WorkerOptions { WorkerOptions(sendHighWater: 8) }

        func connected(_ connection: borrowing WorkerConnection<Self>) { connection.send("hello") }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }
    }

    /// The same, and hears when everything is sent.
    private struct Listener: ConnectionWorker {
        let journal: Journal

        func connected(_ connection: borrowing WorkerConnection<Self>) { connection.send("hello") }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }

        func sent(_ connection: borrowing WorkerConnection<Self>) { journal.infos.append("sent") }
    }

    private func makeServer() throws -> ScriptedServer {
        var server = try ScriptedServer()
        server.features.sendsAtOnce = true
        return server
    }

    /// Gives every client a parrot. The first one teaches the server that parrots hear nothing of what they send.
    private func runParrots(_ server: ScriptedServer, engineTells: Bool = false, _ steps: [FakeKernel.Step]) throws {
        let (listener, first) = (server.listeners[0], first)
        try server.run(
            assigning: Parrot(),
            script: [
                { kernel in
                    kernel.tellsOfSends = engineTells
                    try kernel.accept(first, on: listener)
                },
                { kernel in
                    let greeting = try #require(kernel.sends(on: first).first)
                    #expect(!greeting.silently && !greeting.isAtOnce)
                    kernel.complete(greeting.token, 5)
                },
                { try $0.accept(first + 1, on: listener) },
            ] + steps
        )
    }

    @Test func aSendThatNoWorkerHearsOfTakesNoCompletion() throws {
        let server = try makeServer()
        let (listener, second) = (server.listeners[0], first + 1)
        try runParrots(
            server,
            [
                { kernel in
                    let greeting = try #require(kernel.sends(on: second).first)
                    #expect(greeting.silently && greeting.isAtOnce)
                    #expect(greeting.bytes == hello)
                    #expect(kernel.deadline == nil)
                    // Something else happens; then it is known that the greeting was taken.
                    try kernel.accept(second + 1, on: listener)
                    kernel.completeReceive(try #require(kernel.receives(on: second).first).token, [1, 2])
                },
                { kernel in
                    let echo = try #require(kernel.sends(on: second).first)
                    #expect(echo.isAtOnce)
                    #expect(echo.bytes == [1, 2])
                },
            ]
        )
        #expect(server.journal.counters.bytesSent == 5 + 5 + 5 + 2)
    }

    /// What was sent is known when all completions are at hand, or when the engine says so. Here a batch holds one of two.
    @Test(arguments: [false, true])
    func theNextSendFollowsWhenItIsKnownThatTheLastWasTaken(engineTells: Bool) throws {
        var server = try makeServer()
        server.features = EngineFeatures(.ring, kernel: [5, 11], quantum: 1)
        server.features.acceptsMultishot = true
        server.features.sendsAtOnce = true
        let (listener, second) = (server.listeners[0], first + 1)
        try runParrots(
            server,
            engineTells: engineTells,
            [
                { kernel in
                    #expect(kernel.sends(on: second).map(\.bytes) == [hello])
                    kernel.completeReceive(try #require(kernel.receives(on: second).first).token, [1, 2])
                    try kernel.accept(second + 1, on: listener)
                },
                { #expect($0.sends(on: second).map(\.bytes) == (engineTells ? [[1, 2]] : [])) },
                { #expect($0.sends(on: second).map(\.bytes) == (engineTells ? [] : [[1, 2]])) },
            ]
        )
        #expect(server.journal.counters.bytesSent == 5 + 5 + 5 + 2)
    }

    @Test func whatDoesNotFitWaitsForThePeerAndCountsOnce() throws {
        let server = try makeServer()
        let second = first + 1
        try runParrots(
            server,
            [
                { kernel in
                    let greeting = try #require(kernel.sends(on: second).first)
                    #expect(greeting.isAtOnce)
                    kernel.complete(greeting.token, 2)
                },
                { kernel in
                    let rest = try #require(kernel.sends(on: second).first)
                    #expect(!rest.silently && !rest.isAtOnce)
                    #expect(rest.bytes == Array(hello[2...]))
                    kernel.complete(rest.token, 3)
                },
            ]
        )
        #expect(server.journal.counters.bytesSent == 10)
    }

    @Test func nothingThatFitsIsNoError() throws {
        let server = try makeServer()
        let second = first + 1
        try runParrots(
            server,
            [
                { $0.complete(try #require($0.sends(on: second).first).token, -EAGAIN) },
                { kernel in
                    let rest = try #require(kernel.sends(on: second).first)
                    #expect(!rest.silently && !rest.isAtOnce)
                    #expect(rest.bytes == hello)
                    kernel.complete(rest.token, 5)
                },
            ]
        )
        #expect(server.journal.counters.bytesSent == 10)
    }

    @Test func aWorkerThatHearsOfItsSendsGoesOnHearing() throws {
        let server = try makeServer()
        let (listener, first, journal) = (server.listeners[0], first, server.journal)
        var steps: [FakeKernel.Step] = []
        for client in first..<first + 3 {
            steps.append { try $0.accept(client, on: listener) }
            steps.append { kernel in
                let greeting = try #require(kernel.sends(on: client).first)
                #expect(!greeting.silently && !greeting.isAtOnce)
                kernel.complete(greeting.token, 5)
            }
        }
        try server.run(
            assigning: Listener(journal: journal),
            script: steps
        )
        #expect(journal.infos == ["sent", "sent", "sent"])
    }

    /// Where the bytes of several blocks are is written down until they are taken, and no longer.
    @Test func whatIsInSeveralBlocksIsSentAtOnceToo() throws {
        struct Teller: ConnectionWorker {
            let journal: Journal

            func connected(_ connection: borrowing WorkerConnection<Self>) {
                for _ in 0..<3 { connection.send([UInt8](repeating: 7, count: 3000)) }
            }

            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
                let isForgotten = connection.slot.pointee.sendDescription == nil
                journal.infos.append("\(connection.unsentByteCount) unsent, forgotten: \(isForgotten)")
            }
        }
        let server = try makeServer()
        let (listener, first, journal) = (server.listeners[0], first, server.journal)
        var receive: Token?
        try server.run(
            assigning: Teller(journal: journal),
            script: [
                { try $0.accept(first, on: listener) },
                { $0.complete(try #require($0.sends(on: first).first).token, 9000) },
                { try $0.accept(first + 1, on: listener) },
                { kernel in
                    let all = try #require(kernel.sends(on: first + 1).first)
                    #expect(all.isAtOnce && all.bytes.count == 9000)
                    receive = kernel.receives(on: first + 1).first?.token
                    kernel.completeReceive(try #require(receive), [1])
                },
            ]
        )
        #expect(journal.infos == ["0 unsent, forgotten: true"])
        #expect(journal.counters.bytesSent == 18_000)
    }

    /// That one client was behind says nothing of the next one in its slot.
    @Test func aNewClientIsSentToAtOnceInThePlaceOfOneThatWasBehind() throws {
        let server = try makeServer()
        let (listener, second) = (server.listeners[0], first + 1)
        var receive: Token?
        try runParrots(
            server,
            [
                { kernel in
                    receive = kernel.receives(on: second).first?.token
                    kernel.complete(try #require(kernel.sends(on: second).first).token, 2)
                },
                // It resets the connection while the rest waits.
                { kernel in
                    kernel.complete(try #require(kernel.sends(on: second).first).token, -ECONNRESET)
                    kernel.complete(try #require(receive), -ECONNRESET)
                },
                { kernel in
                    #expect(kernel.closes(of: second) == 1)
                    try kernel.accept(second + 1, on: listener)
                },
                { kernel in
                    let greeting = try #require(kernel.sends(on: second + 1).first)
                    #expect(greeting.isAtOnce && greeting.token.slot == 1)
                },
            ]
        )
        #expect(server.journal.counters.bytesSent == 5 + 2 + 5)
    }

    /// The end of the stream follows when it is known that everything was taken.
    @Test func theLastBytesBeforeTheEndOfTheStreamAreSentWithAWord() throws {
        struct Finisher: ConnectionWorker {
            func connected(_ connection: borrowing WorkerConnection<Self>) {
                connection.send("hello")
                connection.finishOutput()
            }

            func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
        }
        let server = try makeServer()
        let (listener, first) = (server.listeners[0], first)
        var steps: [FakeKernel.Step] = []
        for client in first..<first + 2 {
            steps.append { try $0.accept(client, on: listener) }
            steps.append { kernel in
                let greeting = try #require(kernel.sends(on: client).first)
                #expect(!greeting.silently && !greeting.isAtOnce)
                kernel.complete(greeting.token, 5)
            }
            steps.append { #expect($0.calls == [.finishOutput(client)]) }
        }
        try server.run(
            assigning: Finisher(),
            script: steps
        )
    }

    /// More than the high water mark: the worker is to hear when there is room again.
    @Test func aCongestedQueueIsSentWithAWord() throws {
        let server = try makeServer()
        let second = first + 1
        try runParrots(
            server,
            [
                { kernel in
                    kernel.completeReceive(
                        try #require(kernel.receives(on: second).first).token,
                        Array(repeating: 7, count: 20)
                    )
                },
                { kernel in
                    let echo = try #require(kernel.sends(on: second).first)
                    #expect(!echo.silently && !echo.isAtOnce)
                    kernel.complete(echo.token, 20)
                },
            ]
        )
    }
}

extension FakeKernel.Submission {
    fileprivate var isAtOnce: Bool { if case .sendAtOnce = operation { true } else { false } }
}
