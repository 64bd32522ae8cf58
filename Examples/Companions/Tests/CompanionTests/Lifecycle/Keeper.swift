import NBServer
import Synchronization

/// A behavior that greets its clients, keeps those it is told to keep, and writes down what it lives through.
struct Keeper: NonBlockingServer {
    enum Cast: Sendable { case fail, stop }
    struct Mishap: Error, Equatable {}

    let journal: Journal<String>
    var keeps = false
    /// Called while the server begins.
    var onBegin: @Sendable () throws -> Verdict = { .continue }

    func begin(_ context: borrowing ServerContext) throws -> Verdict {
        journal.append("begins")
        return try onBegin()
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        connection.send("hello\n")
        if keeps { _ = context.keep(connection) }
        journal.append("connection")
        return .continue
    }

    func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict {
        switch cast {
        case .fail: throw Mishap()
        case .stop: .stop("enough")
        }
    }

    func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        if case .draining(let limit) = info, limit > .zero { journal.append("drains") }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        journal.append("ended: \(reason)")
    }
}
