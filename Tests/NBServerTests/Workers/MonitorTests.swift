import Testing

@testable import NBServer

/// What a behavior hears of the end of a worker that it watches.
@Suite struct MonitorTests {
    private struct Visitor: ConnectionWorker {
        let told: Record<String>

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}

        func handleMessage(_ message: String, on connection: borrowing WorkerConnection<Self>) {
            connection.send(message)
            connection.close()
        }

        func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) {
            // Nothing of it works any more, and nothing of it traps.
            connection.send("late")
            connection.receive()
            connection.run { "late" }
            connection.close()
            told.append("\(connection.worker) \(reason), \(connection.peerAddress == nil), \(connection.isWritable)")
        }
    }

    private struct Guard: NonBlockingServer {
        typealias Cast = @Sendable (borrowing ServerContext) throws -> Void
        let told: Record<String>

        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Visitor {
            Visitor(told: told)
        }

        func handleCast(_ cast: @escaping Cast, in context: borrowing ServerContext) throws -> Verdict {
            try cast(context)
            return .continue
        }

        func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
            if case .workerEnded(let id, let reason) = info { told.append("behavior: \(id) \(reason)") }
            return .continue
        }
    }

    private let told = Record<String>()

    private func start() async throws -> Server<Guard> {
        let server = try Server(Guard(told: told), listening: "127.0.0.1:0")
        try await server.start()
        return server
    }

    private func worker(of server: Server<Guard>) async throws -> WorkerRef<Visitor> {
        while true {
            if let worker = try await server.workers(of: Visitor.self).first { return worker }
            await Task.yield()
        }
    }

    @Test func theEndIsToldOnceAfterTheWorkerItself() async throws {
        let server = try await start()
        let client = try Client(server.addresses[0])
        let worker = try await worker(of: server)
        try server.cast { context in
            try context.monitor(worker)
            try context.monitor(worker)
        }
        try worker.send("bye")
        #expect(try client.readToEnd() == .end("bye"))
        while told.entries.count < 2 { await Task.yield() }
        await server.stop()
        #expect(told.entries == ["\(worker) closed, true, false", "behavior: \(worker.id) closed"])
    }

    @Test func anEndThatWasBeforeIsToldAsSuch() async throws {
        let server = try await start()
        let client = try Client(server.addresses[0])
        let worker = try await worker(of: server)
        try worker.send("bye")
        #expect(try client.readToEnd() == .end("bye"))
        while told.entries.isEmpty { await Task.yield() }
        try server.cast { context in
            try context.monitor(worker)
            // As the behavior's own kept connection is taken from it.
            try context.monitor(worker)
        }
        while told.entries.count < 3 { await Task.yield() }
        await server.stop()
        let late = "behavior: \(worker.id) it had ended before it was watched"
        #expect(told.entries.dropFirst() == [late, late])
    }

    @Test func anotherServersWorkerCannotBeWatched() async throws {
        let (own, other) = (try await start(), try await start())
        let client = try Client(own.addresses[0])
        let worker = try await worker(of: own)
        let error = Outcome<UnknownConnection?>()
        try other.cast { context in
            do throws(UnknownConnection) {
                try context.monitor(worker)
                error.resolve(nil)
            } catch let refusal {
                error.resolve(refusal)
            }
        }
        #expect(await error.resolved()?.isOfAnotherServer == true)
        await own.stop()
        await other.stop()
        #expect(told.entries == ["\(worker) the server has stopped, true, false"])
        withExtendedLifetime(client) {}
    }
}
