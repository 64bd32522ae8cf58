@preconcurrency internal import Glibc
internal import Measuring
internal import NBServer

/// The server that is tried: it greets each connection and drops it; at once, or when it is told to or another comes.
struct GreetingBehavior: NonBlockingServer {
    private struct Waiting {
        let connection: ConnectionID
        let part: ServerPlan.Part
    }

    private let plan: ServerPlan
    private let bytes = Greeting.bytes
    private var parts: [SocketAddress: ServerPlan.Part] = [:]
    private var waiting: ArraySlice<Waiting> = []

    init(_ plan: ServerPlan) {
        self.plan = plan
    }

    mutating func begin(_ context: borrowing ServerContext) -> Verdict {
        for (address, part) in zip(context.addresses, plan.parts) { parts[address] = part }
        Self.say("listening on " + context.addresses.map { "\($0.port)" }.joined(separator: " "))
        return .continue
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        guard let address = context.listenerAddress(of: connection), let part = parts[address] else {
            preconditionFailure("a connection to none of the listeners")
        }
        connection.send(bytes.span.extracting(0..<part.first))
        if part.last > 0 {
            waiting.append(Waiting(connection: context.keep(connection), part: part))
        } else if let first = waiting.popFirst() {
            finish(first, context)
        }
        return .continue
    }

    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        switch info {
        case .signal(ServerRole.tellAccount): Self.say("account " + Account(context.status).words)
        case .signal(ServerRole.finishWaiting): Self.say("finished \(finishWaiting(context))")
        default: break
        }
        return .continue
    }

    private mutating func finishWaiting(_ context: borrowing ServerContext) -> Int {
        defer { waiting = [] }
        for waiting in waiting { finish(waiting, context) }
        return waiting.count
    }

    /// Says the last part and drops the connection, unless that has ended.
    private func finish(_ waiting: Waiting, _ context: borrowing ServerContext) {
        guard let connection = try? context.take(waiting.connection) else { return }
        connection.send(bytes.span.extracting(waiting.part.first..<waiting.part.size))
    }

    private static func say(_ line: String) {
        writeText(line + "\n", to: STDOUT_FILENO)
    }
}
