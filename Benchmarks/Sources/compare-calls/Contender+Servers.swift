// What nb-server offers.
extension Contender {
    /// A thread calls a server.
    static func callBlocking(_ server: CountingServer) -> Contender {
        Contender(name: "server.callBlocking") { times in
            for _ in 0..<times { _ = try server.callBlocking() }
        }
    }

    /// A task calls a server.
    static func call(_ server: CountingServer) -> Contender {
        Contender(name: "server.call") { times in
            try inTask { for _ in 0..<times { _ = try await server.call() } }
        }
    }
}
