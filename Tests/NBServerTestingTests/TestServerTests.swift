import NBLibc
import NBServer
import NBServerTesting
import Testing

/// The test kit: servers in memory, with what a user would test of a behavior, a worker and an observer.
@Suite struct TestServerTests {
    @Test func aClientIsGreeted() throws {
        let server = try TestServer(Greeter())
        let client = server.connect()
        #expect(client.receiveText() == "hello")
        #expect(client.ending == .end)
        #expect(server.openConnections == 0)
        #expect(try server.status().counters.accepted == 1)
        #expect("\(try server.status().engine)" == "io_uring of Linux 6.1, in memory")
    }

    @Test func callsAreAnsweredAndCastsHandled() throws {
        let server = try TestServer(Greeter())
        for _ in 0..<3 { _ = server.connect() }
        #expect(try server.call(Greeter.Call.served) == 3)
        try server.cast(.forget)
        #expect(try server.call(Greeter.Call.served) == 0)
        #expect(throws: CallError.self) { try server.call(Greeter.Call.never) }
    }

    /// A task calls the server itself, and a test turns that, on whatever thread it is by then.
    @Test func tasksReachItWhenItIsTurned() async throws {
        let server = try TestServer(Greeter())
        _ = server.connect()
        let inner = server.server
        let task = Task { try await inner.call(Greeter.Call.served, within: nil) }
        var isDone = false
        while !isDone {
            await Task.yield()
            server.turn()
            isDone = try server.status().counters.messages == 1
        }
        #expect(try await task.value == 1)
    }

    @Test func timeStandsStillUntilItIsAdvanced() throws {
        let server = try TestServer(Greeter())
        try server.cast(.remind(.seconds(3600)))
        server.advance(by: .seconds(3599))
        #expect(try server.call(Greeter.Call.told) == [])
        server.advance(by: .seconds(1))
        #expect(try server.call(Greeter.Call.told) == ["timer"])
        #expect(try server.status().uptime == .seconds(3600))
    }

    @Test func aWorkerSendsBackAndItsIdleLimitPasses() throws {
        let server = try TestServer(EchoServer())
        let client = server.connect()
        client.send("hello")
        #expect(client.receiveText() == "hello")
        server.advance(by: .milliseconds(29_999))
        #expect(client.ending == nil)
        server.advance(by: .milliseconds(1))
        #expect(client.ending == .end)
        #expect(try server.call(EchoServer.Call.ends) == ["closed"])
    }

    @Test func aClientEndsItsSide() throws {
        let server = try TestServer(EchoServer())
        let client = server.connect()
        client.send("hello")
        client.finish()
        #expect(client.receiveText() == "hello")
        #expect(client.ending == .end)
        #expect(server.openConnections == 0)
    }

    @Test func aClientResets() throws {
        let server = try TestServer(EchoServer())
        let client = server.connect()
        client.send("hello")
        client.reset()
        #expect(try server.call(EchoServer.Call.ends) == ["lost: Connection reset by peer (errno 104)"])
        #expect(server.openConnections == 0)
    }

    /// It takes 100 bytes, then none; then it reads everything.
    @Test func aClientThatDoesNotReadIsWaitedFor() throws {
        let server = try TestServer(EchoServer())
        let client = server.connect()
        client.window = 100
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        client.send(bytes)
        #expect(try server.status().counters.open == 1)
        #expect(client.receive() == bytes)
    }

    /// The close time limit passes; a reset is what the client gets.
    @Test func aClientThatTakesNothingIsResetInTime() throws {
        let server = try TestServer(Greeter(greeting: String(repeating: "hello", count: 20_000)))
        let client = server.connect()
        #expect(server.openConnections == 1)
        server.advance(by: .seconds(20))
        #expect(client.ending == .reset)
        #expect(try server.status().counters.expired == 1)
        #expect(server.openConnections == 0)
    }

    @Test func acceptsFailAsAskedFor() throws {
        let server = try TestServer(Greeter())
        server.fail(.accept, with: EMFILE)
        let client = server.connect()
        #expect(client.ending == nil)
        #expect(try server.call(Greeter.Call.told) == ["parked: \(EMFILE)"])
        server.advance(by: .milliseconds(249))
        #expect(client.ending == nil)
        server.advance(by: .milliseconds(1))
        #expect(client.receiveText() == "hello")
        #expect(try server.call(Greeter.Call.told) == ["parked: \(EMFILE)", "recovered"])
    }

    @Test func sendsReceivesAndListenersFailAsAskedFor() throws {
        let greeter = try TestServer(Greeter())
        greeter.fail(.send, with: ECONNRESET)
        #expect(greeter.connect().ending == .reset)
        greeter.fail(.listen, with: EADDRINUSE)
        #expect(try greeter.call(Greeter.Call.listen) == "addressInUse")
        #expect(try greeter.call(Greeter.Call.listen) == "127.0.0.1:80")
        let echo = try TestServer(EchoServer())
        let client = echo.connect()
        echo.fail(.receive, with: ETIMEDOUT)
        client.send("hello")
        #expect(try echo.call(EchoServer.Call.ends) == ["lost: Connection timed out (errno 110)"])
    }

    @Test func aVerdictStopsIt() throws {
        let server = try TestServer(Greeter())
        try server.cast(.stop)
        #expect("\(server.end, default: "none")" == "stopped by the behavior: enough")
        #expect(server.connect().ending == .reset)
        #expect(throws: CallError.self) { try server.call(Greeter.Call.served) }
        #expect("\(server.stop())" == "stopped by the behavior: enough")
    }

    /// The one that takes nothing is reset in the end.
    @Test func aStopWaitsForClientsWithinItsLimit() throws {
        let server = try TestServer(Greeter(greeting: String(repeating: "hello", count: 20_000)))
        let (reader, idler) = (server.connect(), server.connect())
        server.server.requestStop()
        server.turn()
        #expect(server.end == nil)
        #expect(reader.receive().count == 100_000)
        #expect(server.openConnections == 1)
        server.stop()
        #expect([reader.ending, idler.ending] == [.end, .reset])
        #expect(server.openConnections == 0)
    }

    @Test func itHasSeveralListenersOrNone() throws {
        let server = try TestServer(Greeter(), listenerCount: 2)
        #expect(server.server.addresses.map(\.port) == [1, 2])
        for listener in 0..<2 { #expect(server.connect(to: listener).receiveText() == "hello") }
        #expect(try TestServer(Greeter(), listenerCount: 0).server.addresses == [])
    }

    private final class Observer: ServerObserver {
        let accepted = Counter()

        func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
            accepted.set(Int(counters.accepted))
        }
    }

    @Test func anObserverSeesWhatIsCounted() throws {
        let observer = Observer()
        let server = try TestServer(Greeter(), observer: observer)
        for _ in 0..<10 { _ = server.connect() }
        #expect(observer.accepted.value == 10)
        server.stop()
    }

    @Test func ofTwentyThousandEachIsGreeted() throws {
        let server = try TestServer(Greeter())
        for _ in 0..<20_000 { #expect(server.connect().receiveText() == "hello") }
        let counters = try server.status().counters
        #expect(counters.accepted == 20_000 && counters.delivered == 20_000 && counters.discarded == 0)
        #expect(server.openConnections == 0)
    }

    @Test func optionsOutOfRangeAreErrors() {
        let error = #expect(throws: ServerError.self) {
            try TestServer(Greeter(), options: ServerOptions(quantum: 0))
        }
        #expect(error?.code == .invalidOption)
    }
}
