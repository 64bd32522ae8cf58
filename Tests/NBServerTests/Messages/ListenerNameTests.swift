import Testing

@testable import NBServer

/// Listeners are named by what `addListener` returns, by their addresses, and by those as people write them.
@Suite struct ListenerNameTests {
    private func code(of body: () async throws -> Void) async -> ServerError.Code? {
        do { try await body() } catch let error as ServerError { return error.code } catch {}
        return nil
    }

    @Test func eachNameMeansTheListener() async throws {
        try await Clerk().serve { server in
            let listener = try await server.addListener(on: "127.0.0.1:0")
            #expect(listener.activity == .accepting)
            let text = Endpoint(listener.address)
            func activity() async throws -> ListenerStatus.Activity? {
                try await server.status().listeners.first?.activity
            }
            try await server.pauseListener(listener.id)
            #expect(try await activity() == .paused)
            try await server.resumeListener(on: text)
            #expect(try await activity() == .accepting)
            try await server.pauseListener(on: text)
            #expect(try await activity() == .paused)
            try await server.resumeListener(on: listener.address)
            #expect(try await activity() == .accepting)
            try await server.pauseListener(on: listener.address)
            try await server.resumeListener(listener.id)
            #expect(try await activity() == .accepting)
            try await server.removeListener(on: text)
            #expect(try await server.status().listeners.isEmpty)
            for name in [
                await code { try await server.removeListener(listener.id) },
                await code { try await server.pauseListener(listener.id) },
                await code { try await server.resumeListener(on: text) },
                await code { try await server.removeListener(on: listener.address) },
                await code { try await server.pauseListener(on: "127.0.0.1:0") },
            ] { #expect(name == .notListening) }
            #expect(await code { try await server.removeListener(on: "nowhere") } == .invalidAddress)
        }
    }

    /// A listener that takes another's place, and its address, has a name of its own.
    @Test func anAddressThatIsBoundAgainHasAnotherName() async throws {
        try await Clerk().serve { server in
            let first = try await server.addListener(on: "127.0.0.1:0")
            try await server.removeListener(first.id)
            let second = try await server.addListener(on: Endpoint(first.address))
            #expect(second.address == first.address)
            #expect(second.id != first.id)
            #expect("\(first.id) \(second.id)" == "listener 0 listener 0.1")
            #expect(await code { try await server.removeListener(first.id) } == .notListening)
            let (gone, there) = try await server.request(within: nil) { context in
                (context.listener(first.id), context.listener(second.id))
            }
            #expect(gone == nil)
            #expect(there == second)
        }
    }

    @Test func anotherServersListenerIsUnknown() async throws {
        try await Clerk().serve { one in
            try await Clerk().serve { other in
                let listener = try await one.addListener(on: "127.0.0.1:0")
                _ = try await other.addListener(on: "127.0.0.1:0")
                #expect(await code { try await other.removeListener(listener.id) } == .notListening)
                #expect(try await other.request(within: nil) { $0.listener(listener.id) } == nil)
                #expect(try await other.status().listeners.count == 1)
            }
        }
    }

    /// Connections say by which listener they came, also when that is gone and its place another's.
    @Test func aConnectionOutlivesTheNameOfItsListener() async throws {
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            clerk.seen.append("\(connection.origin)")
            clerk.kept.append(context.keep(connection))
            return .continue
        }
        try await clerk.serve { server in
            let first = try await server.addListener(on: "127.0.0.1:0")
            let client = try Client(first.address)
            while try await server.withState({ $0.kept.count }) < 1 {}
            try await server.removeListener(first.id)
            let second = try await server.addListener(on: "127.0.0.1:0")
            let other = try Client(second.address)
            while try await server.withState({ $0.kept.count }) < 2 {}
            let kept = try await server.withState { $0.kept }
            let origins = try await server.request(within: nil) { context in
                kept.map { id in (try? context.withConnection(id) { $0.origin }) ?? .adopted }
            }
            #expect(origins == [.listener(first.id), .listener(second.id)])
            withExtendedLifetime((client, other)) {}
        }
    }

    @Test func aGroupTakesEndpointsToo() async throws {
        let options = GroupOptions(shards: 2)
        let group = try ServerGroup(listening: [], options: options) { _ in Clerk() }
        try await group.start()
        let address = try await group.addListener(on: "127.0.0.1:0")
        try await group.pauseListener(on: Endpoint(address))
        #expect(try await group.status().shards.allSatisfy { $0.listeners.map(\.activity) == [.paused] })
        try await group.resumeListener(on: Endpoint(address))
        #expect(try await group.status().shards.allSatisfy { $0.listeners.map(\.activity) == [.accepting] })
        try await group.removeListener(on: Endpoint(address))
        #expect(try await group.status().shards.allSatisfy { $0.listeners.isEmpty })
        #expect(await code { try await group.pauseListener(on: Endpoint(address)) } == .notListening)
        await group.stop()
    }
}
