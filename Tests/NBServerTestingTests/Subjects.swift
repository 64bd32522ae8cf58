import NBServer

/// Greets, counts, and says what it was told.
struct Greeter: NonBlockingServer {
    enum Call {
        case served(Caller<Int>)
        case never(Caller<Int>)
        case told(Caller<[String]>)
        case listen(Caller<String>)
    }
    enum Cast {
        case forget
        case remind(Duration)
        case stop
    }

    var greeting = "hello"
    private var served = 0
    private var told: [String] = []
    private var owed: [Caller<Int>] = []

    init(greeting: String = "hello") {
        self.greeting = greeting
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        served += 1
        connection.send(greeting)
        return .continue
    }

    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .served(let caller): caller.reply(served)
        case .never(let caller): owed.append(caller)
        case .told(let caller): caller.reply(told)
        case .listen(let caller):
            do throws(ServerError) {
                caller.reply("\(try context.addListener(on: "127.0.0.1:80").address)")
            } catch {
                caller.reply("\(error.code)")
            }
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        switch cast {
        case .forget: served = 0
        case .remind(let duration): context.startTimer(after: duration)
        case .stop: return .stop("enough")
        }
        return .continue
    }

    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        switch info {
        case .timer: told.append("timer")
        case .listenerParked(_, let cause): told.append("parked: \(cause.errno ?? 0)")
        case .listenerRecovered: told.append("recovered")
        case .connectionFailed(_, let error): told.append("failed: \(error)")
        default: told.append("\(info)")
        }
        return .continue
    }
}

/// Sends everything back, within limits.
struct Echo: ConnectionWorker {
    static let options = WorkerOptions(idleTimeLimit: .seconds(30))

    func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        connection.send(bytes)
    }
}

/// Gives each connection to an ``Echo``, and notes the ends of them.
struct EchoServer: NonBlockingServer {
    enum Call { case ends(Caller<[String]>) }

    private var ends: [String] = []

    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        try context.monitor(context.assign(connection, to: Echo()))
        return .continue
    }

    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .ends(let caller): caller.reply(ends)
        }
        return .continue
    }

    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        if case .workerEnded(_, let reason) = info { ends.append("\(reason)") }
        return .continue
    }
}
