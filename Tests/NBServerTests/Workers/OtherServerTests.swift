import Testing

@testable import NBServer

/// Names that are given to another server than the one that gave them.
@Suite struct OtherServerTests {
    private struct Visitor: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}

        func handleMessage(_ message: String, on connection: borrowing WorkerConnection<Self>) {
            connection.send(message)
            connection.close()
        }
    }

    private struct Resident: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}

        func handleMessage(_ message: String, on connection: borrowing WorkerConnection<Self>) {
            connection.send(message)
        }
    }

    /// Has workers, or keeps its connections, and does in a callback what it is told.
    private struct Host<Worker: ConnectionWorker & Sendable>: NonBlockingServer {
        typealias Cast = @Sendable (borrowing ServerContext) -> Void
        let worker: Worker?
        private(set) var kept: [ConnectionID] = []

        init(_ worker: Worker?) { self.worker = worker }

        mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict
        {
            if let worker { context.assign(connection, to: worker) } else { kept.append(context.keep(connection)) }
            return .continue
        }

        func handleCast(_ cast: @escaping Cast, in context: borrowing ServerContext) -> Verdict {
            cast(context)
            return .continue
        }
    }

    private func host<Worker: ConnectionWorker & Sendable>(_ worker: Worker?) async throws -> Server<Host<Worker>> {
        let server = try Server(Host(worker), listening: "127.0.0.1:0")
        try await server.start()
        return server
    }

    /// Does something in a callback of a server, and waits until it has.
    private func within<Value: Sendable, Worker: ConnectionWorker & Sendable>(
        _ server: Server<Host<Worker>>,
        _ body: @escaping @Sendable (borrowing ServerContext) -> Value
    ) async throws -> Value {
        let outcome = Outcome<Value>()
        try server.cast { outcome.resolve(body($0)) }
        return await outcome.resolved()
    }

    /// The first worker of a server, once it has one.
    private func worker(of server: Server<Host<Visitor>>) async throws -> WorkerRef<Visitor> {
        while true {
            if let id = try await server.workers(of: Visitor.self).first { return id }
            await Task.yield()
        }
    }

    private func error(_ body: () throws(CastError) -> Void) -> CastError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// Whatever server's callback it is sent in, and when that server has stopped.
    @Test func aMessageGoesToTheWorkersOwnServer() async throws {
        let own = try await host(Visitor())
        let other = try await host(Resident())
        let client = try Client(own.addresses[0])
        let worker = try await worker(of: own)
        #expect(try await within(other) { _ in error { () throws(CastError) in try worker.send("found") } } == nil)
        #expect(try client.readToEnd() == .end("found"))
        await other.stop()
        await own.stop()
        for late in [
            error { () throws(CastError) in try worker.send("late") },
            error { () throws(CastError) in try worker.finish() },
        ] {
            guard case .stopped(.requested) = late else {
                Issue.record("refused as \(String(describing: late))")
                continue
            }
        }
    }

    @Test func aCallbackOfItsServerHearsThatAWorkerIsGone() async throws {
        let own = try await host(Visitor())
        let client = try Client(own.addresses[0])
        let worker = try await worker(of: own)
        try worker.send("found")
        #expect(try client.readToEnd() == .end("found"))
        while try await own.workers(of: Visitor.self).isEmpty == false { await Task.yield() }
        let errors = try await within(own) { _ in
            [
                error { () throws(CastError) in try worker.send("late") },
                error { () throws(CastError) in try worker.finish() },
            ]
        }
        for late in errors {
            guard case .workerGone(worker.id) = late else {
                Issue.record("refused as \(String(describing: late))")
                continue
            }
            #expect(late?.description == "the worker of \(worker.id) has ended: forget it")
        }
        // Elsewhere nothing can tell; an observer hears of it.
        #expect(error { () throws(CastError) in try worker.send("late") } == nil)
        await own.stop()
    }

    @Test func aKeptConnectionIsTakenFromItsOwnServerOnly() async throws {
        let own = try await host(Visitor?.none)
        let other = try await host(Visitor?.none)
        let client = try Client(own.addresses[0])
        let neighbor = try Client(other.addresses[0])
        var kept: [ConnectionID] = []
        while kept.isEmpty { kept = try await own.withState { $0.kept } }
        while try await other.withState({ $0.kept.isEmpty }) { await Task.yield() }
        let id = kept[0]
        let error = try await within(other) { context -> UnknownConnection? in
            do throws(UnknownConnection) {
                _ = try context.take(id)
                return nil
            } catch {
                return error
            }
        }
        #expect(error?.isOfAnotherServer == true)
        let isTaken = try await within(own) { context in (try? context.take(id).send("taken")) != nil }
        #expect(isTaken)
        #expect(try client.readToEnd() == .end("taken"))
        await own.stop()
        await other.stop()
        #expect(try neighbor.readToEnd() != .end("taken"))
    }

    @Test func aTimerIsCancelledByItsOwnServerOnly() async throws {
        let own = try await host(Visitor?.none)
        let other = try await host(Visitor?.none)
        let timer = try await within(own) { $0.startTimer(after: .seconds(3600)) }
        let neighbor = try await within(other) { $0.startTimer(after: .seconds(3600)) }
        #expect(timer != neighbor)
        #expect(try await within(other) { $0.cancelTimer(timer) } == nil)
        #expect(try await within(other) { $0.cancelTimer(neighbor) } != nil)
        #expect(try await within(own) { $0.cancelTimer(timer) } != nil)
        await own.stop()
        await other.stop()
    }
}
