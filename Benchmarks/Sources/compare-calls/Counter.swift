import NBServer

/// The behavior of a server that counts its messages.
struct Counter: NonBlockingServer {
    enum Call {
        case count(Caller<Int>)
    }

    enum Cast {
        case add
    }

    private var count = 0

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        .continue
    }

    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        count += 1
        switch call {
        case .count(let caller): caller.reply(count)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        count += 1
        return .continue
    }
}
