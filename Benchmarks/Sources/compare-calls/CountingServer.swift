import NBServer

/// A server that listens nowhere and counts what it is sent, on a thread of its own until it is dropped.
final class CountingServer: Sendable {
    private let server: Server<Counter>

    init() throws {
        server = try Server(Counter(), listening: [])
        try server.startBlocking()
    }

    deinit {
        server.requestStop()
    }

    /// Blocks the thread; returns how many messages the server has had.
    func callBlocking() throws -> Int {
        try server.callBlocking(Counter.Call.count)
    }

    /// The same in a task.
    func call() async throws -> Int {
        try await server.call(Counter.Call.count)
    }

    func cast() throws {
        try server.cast(.add)
    }
}
