import GrantedLevels
import NBUring
import Testing

@testable import NBServer

// For scenarios on the real kernel.
extension Clerk {
    static let greeting = "at your service"

    /// A clerk that greets everybody.
    static var greeter: Clerk {
        var clerk = Clerk()
        clerk.onConnection = { _, connection, _ in
            connection.send(greeting)
            return .continue
        }
        return clerk
    }

    /// A clerk that greets everybody and keeps them all.
    static var keeper: Clerk {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            connection.send(greeting)
            clerk.kept.append(context.keep(connection))
            return .continue
        }
        return clerk
    }

    /// Has a server run on an engine for as long as `body` does, on the main thread; returns why it ended.
    @MainActor @discardableResult
    func serve(
        on engine: EngineChoice,
        listening endpoints: [Endpoint] = ["127.0.0.1:0"],
        listenerLimit: Int = 1024,
        _ body: @MainActor (Server<Clerk>) async throws -> Void
    ) async throws -> StopReason {
        let engine = EngineOptions(engine, submissionDepth: 64)
        let options = ServerOptions(listenerLimit: listenerLimit, quantum: 64, engine: engine)
        let server = try Server(self, listening: endpoints, options: options)
        try await server.start()
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        return await server.stop()
    }
}

extension Server where Behavior == Clerk {
    /// Waits until a listener rests, its accept taken back.
    @MainActor func waitUntilItRests(_ address: SocketAddress) async throws {
        var isResting = false
        while !isResting {
            isResting = try await request(within: nil) { context in
                let listeners = context.state.pointee.listeners
                guard let index = listeners.pointee.index(of: address) else { return false }
                return listeners.pointee[index].state.phase == .paused
            }
        }
    }

    /// Waits until so many connections have been delivered.
    @MainActor func waitForDeliveries(_ count: UInt64) async throws {
        while try await status(within: nil).counters.delivered < count {}
    }
}

/// The code of the error that something was thrown.
@MainActor func code(of body: @MainActor () async throws -> Void) async -> ServerError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? ServerError)?.code
    }
}
