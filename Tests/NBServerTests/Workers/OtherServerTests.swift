import Testing

@testable import NBServer

/// Names that are given to another server than the one that gave them.
@Suite struct OtherServerTests {
    private struct Visitor: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {}

        func handleMessage(_ message: String, _ connection: borrowing WorkerConnection) {
            connection.send(message)
            connection.close()
        }
    }

    private struct Resident: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {}

        func handleMessage(_ message: String, _ connection: borrowing WorkerConnection) { connection.send(message) }
    }

    /// Has workers, or keeps its connections, and does in a callback what it is told.
    private struct Host<Worker: ConnectionWorker & Sendable>: NonBlockingServer {
        typealias Cast = @Sendable (borrowing ServerContext) -> Void
        let worker: Worker?
        private(set) var kept: [ConnectionID] = []

        init(_ worker: Worker?) { self.worker = worker }

        mutating func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict {
            if let worker { context.assign(connection, to: worker) } else { kept.append(context.keep(connection)) }
            return .continue
        }

        func handleCast(_ cast: @escaping Cast, _ context: borrowing ServerContext) -> Verdict {
            cast(context)
            return .continue
        }
    }

    private func host<Worker: ConnectionWorker & Sendable>(_ worker: Worker?) throws -> Server<Host<Worker>> {
        let server = try Server(Host(worker), listening: "127.0.0.1:0")
        try server.start()
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
    private func worker(of server: Server<Host<Visitor>>) async throws -> WorkerID<Visitor> {
        while true {
            if let id = try await server.workers(of: Visitor.self).first { return id }
            await Task.yield()
        }
    }

    private func expectRefusal<Worker: ConnectionWorker & Sendable>(
        of id: WorkerID<Visitor>,
        by server: Server<Host<Worker>>
    ) {
        let refused: (() throws -> Void) -> Void = { body in
            let error = #expect(throws: CastError.self) { try body() }
            guard case .otherServer(id.connection) = error else {
                Issue.record("refused as \(String(describing: error))")
                return
            }
            #expect(
                "\(CastError.otherServer(id.connection))"
                    == "\(id.connection) is another server's: ask the server that gave it its name"
            )
        }
        refused { try server.send("lost", to: id) }
        refused { try server.finish(id) }
    }

    /// Whether the other server has workers of that type or not, and whether it or the worker's own still runs.
    @Test func aMessageForAWorkerOfAnotherServerIsRefusedAtOnce() async throws {
        let own = try host(Visitor())
        let same = try host(Visitor())
        let other = try host(Resident())
        let fresh = try Server(Host<Visitor>(nil), listening: [])
        let client = try Client(own.addresses[0])
        let neighbor = try Client(same.addresses[0])
        let id = try await worker(of: own)
        _ = try await worker(of: same)
        expectRefusal(of: id, by: same)
        expectRefusal(of: id, by: other)
        expectRefusal(of: id, by: fresh)
        await same.stop()
        expectRefusal(of: id, by: same)
        #expect(try neighbor.readToEnd() != .end("lost"))

        // Its own server delivers it, and says what is the matter when it has stopped.
        try own.send("found", to: id)
        #expect(try client.readToEnd() == .end("found"))
        await own.stop()
        let error = #expect(throws: CastError.self) { try own.send("late", to: id) }
        guard case .stopped(.requested) = error else {
            Issue.record("refused as \(String(describing: error))")
            return
        }
        expectRefusal(of: id, by: other)
        await other.stop()
        await fresh.stop()
    }

    @Test func aCallbackHearsThatAWorkerIsAnotherServers() async throws {
        let own = try host(Visitor())
        let same = try host(Visitor())
        let client = try Client(own.addresses[0])
        let id = try await worker(of: own)
        let errors = try await within(same) { context -> [UnknownConnection?] in
            var errors: [UnknownConnection?] = []
            do throws(UnknownConnection) { try context.send("lost", to: id) } catch { errors.append(error) }
            do throws(UnknownConnection) { try context.finish(id) } catch { errors.append(error) }
            return errors
        }
        #expect(errors.count == 2)
        for error in errors {
            #expect(error?.id == id.connection)
            #expect(error?.isOfAnotherServer == true)
            #expect(
                error?.description == "\(id.connection) is another server's: ask the server that gave it its name"
            )
        }
        try own.send("found", to: id)
        #expect(try client.readToEnd() == .end("found"))
        // One that has ended is not another's.
        let ended = try await within(own) { context -> UnknownConnection? in
            do throws(UnknownConnection) { try context.send("late", to: id) } catch { return error }
            return nil
        }
        #expect(ended?.isOfAnotherServer == false)
        #expect(ended?.description == "\(id.connection) has ended, or was taken out: forget its name")
        await own.stop()
        await same.stop()
    }

    @Test func aKeptConnectionIsTakenFromItsOwnServerOnly() async throws {
        let own = try host(Visitor?.none)
        let other = try host(Visitor?.none)
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

    @Test func aTimerIsCanceledByItsOwnServerOnly() async throws {
        let own = try host(Visitor?.none)
        let other = try host(Visitor?.none)
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
