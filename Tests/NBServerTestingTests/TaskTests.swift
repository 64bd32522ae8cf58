import NBLibc
import NBServer
import NBServerTesting
import Testing

/// Tasks beside a server in memory: those of workers, those of a test, and the server's executor. Drains and signals too.
@Suite struct TaskTests {
    private struct Failure: Error {}

    /// Awaits a number for each byte.
    private struct Doubler: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            let number = Int(bytes[0])
            connection.run {
                await Task.yield()
                guard number > 0 else { throw Failure() }
                return 2 * number
            }
        }

        func handleMessage(_ number: Int, on connection: borrowing WorkerConnection<Self>) {
            connection.send("\(number) ")
        }
    }

    @Test func aWorkersTasksAreWaitedFor() async throws {
        let server = try TestServer { _ in Doubler() }
        let clients = (1...100).map { _ in server.connect() }
        for (number, client) in clients.enumerated() { client.send([UInt8(1 + number)]) }
        await server.settle()
        for (number, client) in clients.enumerated() { #expect(client.receiveText() == "\(2 * (1 + number)) ") }
        clients[0].send([0])
        await server.settle()
        #expect(clients[0].ending == .end)
        #expect(server.openConnections == 99)
        server.stop()
        await server.settle()
    }

    @Test func aTestAwaitsTheServerWhileItTurnsIt() async throws {
        let server = try TestServer(Greeter())
        _ = server.connect()
        let inner = server.server
        #expect(try await server.turn { try await inner.call(Greeter.Call.served, within: nil) } == 1)
        await #expect(throws: Failure.self) { try await server.turn { throw Failure() } }
        let reason = try await server.turn { await inner.drain(within: .seconds(30)) }
        #expect("\(reason)" == "drained")
        #expect("\(server.end, default: "none")" == "drained")
    }

    private actor Desk {
        private let executor: ServerExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
        private(set) var count = 0

        init(on executor: ServerExecutor) {
            self.executor = executor
        }

        func note() {
            count += 1
        }
    }

    /// Its callbacks enter the desk without a hop.
    private struct DeskServer: NonBlockingServer {
        enum Call { case desk(Caller<Desk>) }
        private var desk: Desk?

        mutating func begin(_ context: borrowing ServerContext) throws -> Verdict {
            let server: Server<Self> = context.server()
            desk = Desk(on: try server.executor)
            return .continue
        }

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            desk?.assumeIsolated { $0.note() }
            return .continue
        }

        func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
            switch call {
            case .desk(let caller): if let desk { caller.reply(desk) }
            }
            return .continue
        }
    }

    @Test func anActorOfTheServersExecutorRunsInItsTurns() async throws {
        let server = try TestServer(DeskServer())
        let desk = try server.call(DeskServer.Call.desk)
        for _ in 0..<3 { _ = server.connect() }
        try await server.turn {
            for _ in 0..<4 { await desk.note() }
        }
        #expect(try await server.turn { await desk.count } == 7)
        server.stop()
        #expect(await desk.count == 7)
    }

    @Test func aSignalIsReported() throws {
        let server = try TestServer(Greeter())
        server.signal(.hangUp)
        server.signal(.terminate)
        server.signal(Signal(rawValue: SIGUSR1))
        #expect(try server.call(Greeter.Call.told) == ["signal(SIGHUP)", "signal(SIGTERM)", "signal(\(SIGUSR1))"])
        #expect(server.end == nil)
    }

    @Test func aDrainWaitsForConnectionsWithinItsLimit() throws {
        let server = try TestServer { _ in Echo() }
        let (leaver, stayer) = (server.connect(), server.connect())
        stayer.window = 0
        stayer.send("hello")
        server.drain(within: .seconds(5))
        #expect(server.connect().ending == .reset)
        #expect(leaver.ending == .end)
        #expect(server.openConnections == 1)
        server.advance(by: .milliseconds(4_999))
        #expect(server.end == nil)
        server.advance(by: .milliseconds(1))
        #expect("\(server.end, default: "none")" == "drained, but for 1 connections that had not ended in time")
        #expect(stayer.ending != nil)
        #expect(server.openConnections == 0)
    }
}
