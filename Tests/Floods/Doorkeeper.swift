internal import NBServer

/// The behavior of each shard: it greets each connection, and keeps it or drops it.
struct Doorkeeper: NonBlockingServer {
    static let greeting = "come in\n"
    static let lastWord = "come back later\n"

    enum Call: Sendable {
        /// How many connections are kept.
        case kept(Caller<Int>)
    }

    enum Cast: Sendable {
        /// Drops so many of the kept connections, first come first.
        case drop(Int)
    }

    private let keeps: Bool
    private var kept: [ConnectionID] = []

    init(keeps: Bool) {
        self.keeps = keeps
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send(Self.greeting)
        if keeps { kept.append(context.keep(connection)) }
        return .continue
    }

    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .kept(let caller): caller.reply(kept.count)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict {
        switch cast {
        case .drop(let count):
            for id in kept.prefix(count) { try context.take(id).close() }
            kept.removeFirst(count)
        }
        return .continue
    }
}
