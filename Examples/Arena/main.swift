// An entry for HttpArena, a public comparison of HTTP servers: a server on every processor, on io_uring, and on epoll where io_uring is
// forbidden. README.md says what is asked for and how the entry is handed in.
//
// Requests are read by the files of HelloHTTP; Answer.swift has what they are answered.

import ExampleHTTP
import ExampleProgram
import NBServer

/// One connection. The answers to all requests that came together leave together.
struct Client: ConnectionWorker {
    static let options = WorkerOptions(idleTimeLimit: .seconds(30), sendTimeLimit: .seconds(30))

    /// How many requests a connection may have.
    let limit: Int

    private var requests = RequestReader(takesBodies: true)
    private var answered = 0
    private var answers: [UInt8] = []

    /// More answers are not gathered before they are sent.
    private static let mostGathered = 16 << 10

    init(limit: Int) {
        self.limit = limit
    }

    mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        requests.append(bytes)
        answerAll(connection)
    }

    /// A client that does not read its answers is not read from until it does.
    mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) {
        answerAll(connection)
    }

    private mutating func answerAll(_ connection: borrowing WorkerConnection<Self>) {
        while connection.isWritable, let isLast = gather() {
            connection.send(answers.span)
            answers.removeAll(keepingCapacity: true)
            if isLast { return connection.close() }
        }
    }

    /// Gathers the answers to the next requests.
    ///
    /// - Returns: whether the connection ends with them; `nil` if there is no request.
    private mutating func gather() -> Bool? {
        while answers.count < Self.mostGathered, let request = requests.next() {
            answered += 1
            let isLast = answered == limit || !request.head.staysOpen
            Answer(request: request, isLast: isLast).append(to: &answers)
            if isLast { return true }
        }
        return answers.isEmpty ? nil : false
    }
}

struct Arena: NonBlockingServer {
    let limit: Int

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Client {
        Client(limit: limit)
    }
}

let program = Program(
    "arena",
    listening: "127.0.0.1:8080",
    options: [
        .init("--shards", "NUMBER", "with so many threads; with one for each processor unless said"),
        .init("--requests", "NUMBER", "close each connection after so many; after a million unless said"),
    ],
    purpose: """
          curl 'http://127.0.0.1:8080/baseline11?a=13&b=42'
          wrk -c 512 -d 5 http://127.0.0.1:8080/pipeline
        """
)
program.runGroup { addresses, observer in
    let limit = try program.number(of: "--requests") ?? 1_000_000
    let options = GroupOptions(shards: try program.number(of: "--shards"))
    // The first shard speaks for all: they listen on the same addresses, on the same engine.
    return try ServerGroup(listening: addresses, options: options, observing: { $0.index == 0 ? observer : nil }) { _ in
        Arena(limit: limit)
    }
}
