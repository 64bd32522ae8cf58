import NBServer
import NIOPosix
import Testing

@testable import NBServerNIO

/// Runs a test with loops of its own, which are shut down in the end.
func withLoops<Value>(
    _ count: Int = 1,
    _ body: (MultiThreadedEventLoopGroup) async throws -> Value
) async throws -> Value {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    do {
        let value = try await body(group)
        try await group.shutdownGracefully()
        return value
    } catch {
        try? await group.shutdownGracefully()
        throw error
    }
}

extension NIOAcceptor {
    /// Waits until what it has counted is as wanted; a test that waits in vain is ended by its time limit.
    func wait(until isEnough: (NIOAcceptorCounters) -> Bool) async {
        while !isEnough(counters) { await Task.yield() }
    }

    /// A client of its first listener.
    func client() throws -> Held { Held(try Client(addresses[0])) }

    /// So many clients.
    func clients(_ count: Int) throws -> [Held] { try (0..<count).map { _ in try client() } }

    /// Every connection that was accepted has come to exactly one end.
    func expectBalance(_ line: SourceLocation = #_sourceLocation) {
        let counters = counters
        let ends = counters.opened + counters.failed + counters.refused + counters.abandoned
        #expect(counters.accepted == ends, "\(counters)", sourceLocation: line)
        #expect(counters.opened == counters.closed, "\(counters)", sourceLocation: line)
        #expect(servers.shards.allSatisfy { $0.addresses.count <= 1 }, sourceLocation: line)
    }
}
