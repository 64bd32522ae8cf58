// A server that counts its clients in an actor, to show an actor on the server's thread: a callback enters it without a hop, tasks by
// `await`. Here the task is the terminal's: each line that is typed asks for the count.

import ExampleProgram
import NBServer

actor Tally {
    private let executor: ServerExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private(set) var served = 0

    init(on executor: ServerExecutor) {
        self.executor = executor
    }

    func greeting() -> String {
        served += 1
        return "you are number \(served)\n"
    }
}

struct Door: NonBlockingServer {
    /// Told of the tally once the server begins.
    let opened: @Sendable (Tally) -> Void
    private var tally: Tally?

    init(opened: @escaping @Sendable (Tally) -> Void) {
        self.opened = opened
    }

    mutating func begin(_ context: borrowing ServerContext) throws -> Verdict {
        let server: Server<Self> = context.server()
        let tally = Tally(on: try server.executor)
        self.tally = tally
        opened(tally)
        return .continue
    }

    func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        if let greeting = tally?.assumeIsolated({ $0.greeting() }) { connection.send(greeting) }
        return .continue
    }
}

Program("tally", listening: "127.0.0.1:7012", purpose: "  nc 127.0.0.1 7012             be counted").run {
    let door = Door { tally in
        Task.detached { while nextLine() != nil { print("\(await tally.served) served") } }
    }
    return try Server(door, listening: $0, observer: $1)
}
