import Testing

@testable import NBServer

/// A behavior that does what its messages say, and remembers in which order it was called back.
struct Clerk: NonBlockingServer, Sendable {
    typealias Step = @Sendable (inout Clerk, borrowing ServerContext) throws -> Verdict
    typealias Answer = @Sendable (inout Clerk, Caller<Int>, borrowing ServerContext) throws -> Verdict
    typealias Delivery = @Sendable (inout Clerk, consuming Connection, borrowing ServerContext) throws -> Verdict
    typealias Information = @Sendable (inout Clerk, ServerInfo, borrowing ServerContext) throws -> Verdict
    typealias End = @Sendable (Clerk, StopReason, borrowing ServerContext) -> Void

    enum Call: Sendable {
        case total(Caller<Int>)
        case greeting(String, Caller<String>)
        case sums([Int], [Int], Caller<[Int]>)
        case clear(Caller<Void>)
        case perform(Answer, Caller<Int>)
    }

    enum Cast: Sendable {
        case add(Int)
        case note(String)
        case perform(Step)
    }

    /// What a test throws out of a callback.
    struct Trouble: Error {}

    var total = 0
    /// What it was called back for, in that order.
    var seen: [String] = []
    /// Who has not been answered yet.
    var callers: [Caller<Int>] = []
    var kept: [ConnectionID] = []

    var onBegin: Step = { _, _ in .continue }
    var onConnection: Delivery = { _, _, _ in .continue }
    var onInfo: Information = { _, _, _ in .continue }
    var onContinue: Step = { _, _ in .continue }
    var onEnd: End = { _, _, _ in }
    /// For a callback that waits until it is sent something.
    var mailboxIsEmpty: @Sendable () -> Bool = { true }

    mutating func begin(_ context: borrowing ServerContext) throws -> Verdict {
        try onBegin(&self, context)
    }

    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        try onConnection(&self, connection, context)
    }

    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) throws -> Verdict {
        switch call {
        case .total(let caller): caller.reply(total)
        case .greeting(let name, let caller): caller.reply("hello, \(name)")
        case .sums(let ones, let others, let caller): caller.reply(zip(ones, others).map { $0 + $1 })
        case .clear(let caller):
            caller.reply()
            total = 0
        case .perform(let answer, let caller): return try answer(&self, caller, context)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict {
        switch cast {
        case .add(let number): total += number
        case .note(let text): seen.append(text)
        case .perform(let step): return try step(&self, context)
        }
        return .continue
    }

    mutating func handleContinue(_ context: borrowing ServerContext) throws -> Verdict {
        seen.append("continue")
        return try onContinue(&self, context)
    }

    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        seen.append("\(info)")
        return try onInfo(&self, info, context)
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        let end = onEnd
        end(self, reason, context)
    }
}

extension Clerk {
    /// Has a server of this behavior run for as long as `body` does.
    func serve<Value>(
        listening endpoints: [Endpoint] = [],
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil,
        _ body: (Server<Clerk>) async throws -> Value
    ) async throws -> Value {
        let server = try Server(self, listening: endpoints, options: options, observer: observer)
        try await server.start()
        do {
            let value = try await body(server)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }
}

extension Server where Behavior == Clerk {
    /// Keeps the server busy in a callback until the gate is opened; then the callback ends with this verdict. Messages that are
    /// sent afterwards wait.
    func hold(until gate: Gate, then verdict: Verdict = .continue) throws {
        try cast(
            .perform { _, _ in
                gate.wait()
                return verdict
            }
        )
    }

    /// Waits until so many messages wait to be handled, that which is being handled left out.
    func waitForMail(_ count: Int) async {
        while mailbox.count != count { await Task.yield() }
    }
}

/// What something was thrown, in its own words.
func failure<Value>(of body: () async throws -> Value) async -> String {
    do {
        return "none, but \(try await body())"
    } catch {
        return "\(error)"
    }
}

/// Runs a body on a thread of its own, and waits for it in the task.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws -> Value {
    let outcome = Outcome<Value>()
    try startThread { outcome.resolve(body()) }
    return await outcome.resolved()
}
