import Testing

@testable import NBServer

/// A behavior that says how its workers' connections are to be: asked for each connection.
@Suite struct BehaviorOptionsTests {
    private struct Reader: ConnectionWorker {
        // The type's own; what the behavior says comes first.
        static let options = WorkerOptions(framing: .raw)

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send("\(bytes.count) ")
        }
    }

    private struct Behavior: NonBlockingServer {
        var workerOptions: WorkerOptions?
        private var count = 0

        init(first options: WorkerOptions?) { workerOptions = options }

        mutating func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Reader {
            count += 1
            // The second connection gets what the worker's type says.
            if count == 2 { workerOptions = nil }
            return Reader()
        }
    }

    @Test func eachConnectionIsAskedFor() async throws {
        let server = try Server(Behavior(first: WorkerOptions(framing: .line)), listening: "127.0.0.1:0")
        try await server.start()
        for expected in ["3 0 2 ", "8 "] {
            let client = try Client(server.addresses[0])
            try client.send("one\n\nup\n")
            client.finish()
            #expect(try client.readToEnd() == .end(expected))
        }
        await server.stop()
    }

    @Test func oneThatIsOutOfItsRangeEndsTheConnection() async throws {
        let server = try Server(Behavior(first: WorkerOptions(runLimit: 0)), listening: "127.0.0.1:0")
        try await server.start()
        #expect(try Client(server.addresses[0]).readToEnd() == .end(""))
        let client = try Client(server.addresses[0])
        try client.send("12345678")
        client.finish()
        #expect(try client.readToEnd() == .end("8 "))
        #expect(try await server.status().counters.failed == 1)
        await server.stop()
    }
}
