// A soup kitchen: the whole of a behavior in one file. Guests come to the public ports and ask for soup; the
// administrator comes to the admin port, with nc, and asks for `help`.
//
//     guest ── "soup" ──▶ Guest ── order ──▶ SoupKitchen ── bowl ──▶ Guest ── "Here you are: bowl 7." ──▶ guest
//                                              ▲     ▲
//     a pot is done (a timer) ─────────────────┘     └── Desk, which listens, pauses, drains ◀── admin
//
// All of it runs on one thread, one callback at a time, so that the kitchen's state needs no lock.

import ExampleProgram
import NBServer

/// The behavior: what the kitchen knows, and what it does about what happens.
struct SoupKitchen: NonBlockingServer {
    /// What is asked from outside. The caller waits for the answer.
    enum Call {
        case bowlsServed(Caller<Int>)
    }

    /// What workers, and others, have to say.
    enum Cast {
        /// A guest wants soup.
        case order(WorkerRef<Guest>)
        /// The admin wants to know how things are.
        case report(to: WorkerRef<Desk>)
        /// There is more soup.
        case cook(bowls: Int)
    }

    let plan: Plan
    private var admin: ListenerID?
    private var bowlsLeft: Int
    private var bowlsServed = 0
    /// Guests who wait for the next pot, the first in front.
    private var waiting: [WorkerRef<Guest>] = []
    private var lastTrouble = "none"

    init(_ plan: Plan) {
        self.plan = plan
        bowlsLeft = plan.bowlsInAPot
    }

    mutating func begin(_ context: borrowing ServerContext) throws -> Verdict {
        for address in context.addresses { print("listening on \(address)") }
        if context.engine.kind != .ring { plan.note("running on \(context.engine)") }
        let admin = try context.addListener(on: plan.admin)
        self.admin = admin.id
        print("admin on \(admin.address)")
        _ = context.startTimer(after: plan.timeForAPot)
        return .continue
    }

    /// Whose port it is decides who serves.
    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        if let admin, connection.origin == .listener(admin) {
            context.assign(connection, to: Desk(kitchen: context.server(), admin: admin))
        } else {
            context.assign(connection, to: Guest(kitchen: context.server()))
        }
        return .continue
    }

    func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
        switch call {
        case .bowlsServed(let caller): caller.reply(bowlsServed)
        }
        return .continue
    }

    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) -> Verdict {
        switch cast {
        case .order(let guest):
            waiting.append(guest)
            if bowlsLeft == 0 { try? guest.send(.wait(place: waiting.count)) }
            serve(context)
        case .report(let desk):
            try? desk.send(.report(report(context)))
        case .cook(let bowls):
            bowlsLeft += bowls
            serve(context)
        }
        return .continue
    }

    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) -> Verdict {
        switch info {
        case .timer:
            bowlsLeft = max(bowlsLeft, plan.bowlsInAPot)
            serve(context)
            _ = context.startTimer(after: plan.timeForAPot)
        case .connectionFailed(_, let error): lastTrouble = "\(error)"
        case .listenerParked(_, let cause), .listenerDown(_, let cause): lastTrouble = "\(cause)"
        default: break
        }
        return .continue
    }

    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
        print("closed after \(bowlsServed) bowls: \(reason)")
    }

    /// Gives bowls to the guests that wait. A guest that has left gets none.
    private mutating func serve(_ context: borrowing ServerContext) {
        while bowlsLeft > 0, !waiting.isEmpty {
            guard (try? waiting.removeFirst().send(.bowl(number: bowlsServed + 1))) != nil else {
                continue
            }
            bowlsLeft -= 1
            bowlsServed += 1
        }
    }

    private func report(_ context: borrowing ServerContext) -> String {
        let status = context.status
        let listeners = status.listeners.map { listener in
            "\(listener.id == admin ? "admin   " : "listener") \(listener.address) \(listener.activity)"
        }
        return """
            bowls    \(bowlsLeft) left, \(bowlsServed) served, \(waiting.count) guests wait
            guests   \(context.workers(of: Guest.self).count) now, \(status.counters.delivered) connections so far
            \(listeners.joined(separator: "\n"))
            trouble  \(lastTrouble)
            """
    }
}

/// A guest's connection.
struct Guest: ConnectionWorker {
    // A line is read when the one before it was answered.
    static let options = WorkerOptions(
        receiving: .once,
        framing: .line,
        frameLimit: 100,
        idleTimeLimit: .seconds(600),
        sendTimeLimit: .seconds(30)
    )

    enum Message {
        case bowl(number: Int)
        case wait(place: Int)
    }

    let kitchen: Server<SoupKitchen>

    func connected(_ connection: borrowing WorkerConnection<Self>) {
        connection.send("Welcome! Say soup, or bye.\n")
    }

    func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws {
        switch text(of: line) {
        case "soup":
            // The next line is read when the kitchen has answered.
            try kitchen.cast(.order(connection.worker))
        case "bye":
            connection.send("Come again!\n")
            connection.close()
        default:
            connection.send("We have soup.\n")
            connection.receive()
        }
    }

    func handleMessage(_ message: Message, on connection: borrowing WorkerConnection<Self>) {
        switch message {
        case .bowl(let number): connection.send("Here you are: bowl \(number).\n")
        case .wait(let place): connection.send("No soup for you! Not yet: you are number \(place) in the queue.\n")
        }
        connection.receive()
    }

    func shouldFinish(_ connection: borrowing WorkerConnection<Self>) {
        connection.send("We are closing. Good night!\n")
        connection.close()
    }
}

/// A connection to the admin port: a line is a command, and what it does is up to the server it belongs to.
struct Desk: ConnectionWorker {
    static let options = WorkerOptions(receiving: .once, framing: .line, frameLimit: 200, sendTimeLimit: .seconds(30))

    enum Message {
        case report(String)
    }

    static let help = """
        status            how things are
        listen ADDRESS    serve guests there, too
        unlisten ADDRESS  and no more
        pause ADDRESS     let guests wait at the door
        resume ADDRESS    and let them in
        cook BOWLS        add to the pot
        drain             serve whom there is, then close
        help              show this
        quit              leave this desk

        """

    let kitchen: Server<SoupKitchen>
    let admin: ListenerID

    func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) throws {
        let words = text(of: line).split(separator: " ").map(String.init)
        // The next line is read when the kitchen has answered.
        if words == ["status"] {
            return try kitchen.cast(.report(to: connection.worker))
        }
        do {
            try obey(words, connection)
        } catch {
            connection.send("error: \(error)\n")
        }
        connection.receive()
    }

    private func obey(_ words: [String], _ connection: borrowing WorkerConnection<Self>) throws {
        switch (words.first, words.count == 2 ? words[1] : nil) {
        case ("listen", let address?):
            connection.send("listening on \(try connection.context.addListener(on: Endpoint(address)).address)\n")
        case ("unlisten", let address?):
            try connection.context.removeListener(try known(address, connection.context))
            connection.send("not listening on \(address)\n")
        case ("pause", let address?):
            try connection.context.pauseListener(try known(address, connection.context))
            connection.send("paused \(address)\n")
        case ("resume", let address?):
            try connection.context.resumeListener(try known(address, connection.context))
            connection.send("resumed \(address)\n")
        case ("cook", let bowls?):
            guard let bowls = Int(bowls), (1...1_000_000).contains(bowls) else {
                throw Complaint("so many cannot be cooked")
            }
            try kitchen.cast(.cook(bowls: bowls))
            connection.send("cooked \(bowls)\n")
        case ("drain", nil) where words.count == 1:
            connection.send("draining\n")
            connection.context.drain(within: .seconds(10))
        case ("help", nil) where words.count == 1: connection.send(Self.help)
        case ("quit", nil) where words.count == 1: connection.close()
        default: throw Complaint("this is no command; help lists those there are")
        }
    }

    /// The listener on an address. The admin's own stays as it is.
    private func known(_ text: String, _ server: borrowing ServerContext) throws -> ListenerID {
        guard let listener = server.status.listeners.first(where: { $0.address.description == text }) else {
            throw Complaint("there is no listener on \(text); status lists them")
        }
        guard listener.id != admin else { throw Complaint("this is where you are") }
        return listener.id
    }

    func handleMessage(_ message: Message, on connection: borrowing WorkerConnection<Self>) {
        switch message {
        case .report(let text): connection.send(text + "\n")
        }
        connection.receive()
    }
}

/// What the kitchen is told when it opens.
struct Plan {
    /// Tells the operator something.
    let note: @Sendable (String) -> Void
    let admin: Endpoint
    let bowlsInAPot: Int
    let timeForAPot: Duration
}

extension Plan {
    init(_ program: Program) throws {
        note = program.note
        admin = Endpoint(try program.value(of: "--admin") ?? "127.0.0.1:7778")
        bowlsInAPot = try program.number(of: "--bowls") ?? 10
        timeForAPot = .seconds(try program.number(of: "--seconds") ?? 10)
    }
}

let program = Program(
    "soup-kitchen",
    listening: "127.0.0.1:7777",
    options: [
        .init("--admin", "ADDRESS", "with the admin elsewhere than on 127.0.0.1:7778"),
        .init("--bowls", "NUMBER", "with pots of so many bowls, instead of 10"),
        .init("--seconds", "NUMBER", "with a pot as often, instead of every 10 seconds"),
    ],
    purpose: """
          nc 127.0.0.1 7777    be a guest: say soup
          nc 127.0.0.1 7778    be the admin: say help
          a number             at the terminal: cook so many bowls
          press Return         see how many were served
        """
)
program.run { addresses, _ in
    let server = try Server(SoupKitchen(try Plan(program)), listening: addresses)
    // The cook, at the terminal.
    Task.detached {
        while let line = nextLine() {
            if let bowls = Int(line) { try server.cast(.cook(bowls: bowls)) }
            print("\(try await server.call(SoupKitchen.Call.bowlsServed)) bowls served")
        }
    }
    return server
}
