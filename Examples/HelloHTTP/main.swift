// A web server that says hello to everybody, to show a worker that takes requests apart: with and without keep-alive,
// pipelined, or byte by byte.
//
// HTTP/RequestHead.swift reads a request's head, HTTP/RequestReader.swift finds one request after the other in what comes; this file has
// the connection. It knows GET and HEAD, skips bodies, refuses chunked ones, and has one answer for every path.

import ExampleHTTP
import ExampleProgram
import NBServer

/// The one thing that this server says, and what it says instead.
struct Answer {
    let head: RequestHead

    var text: String {
        let body = head.status == .ok ? "Hello, world!\n" : "\(head.status.text)\n"
        return "HTTP/1.1 \(head.status.text)\r\n"
            + "Content-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n"
            + (head.status == .methodNotAllowed ? "Allow: GET, HEAD\r\n" : "")
            + (head.staysOpen ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n")
            + (head.isHead ? "" : body)
    }
}

/// One connection: requests that come one after the other, each answered before the next is looked at.
struct Hello: ConnectionWorker {
    static let options = WorkerOptions(idleTimeLimit: .seconds(30), sendTimeLimit: .seconds(30))

    private var requests = RequestReader()

    mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        requests.append(bytes)
        answerAll(connection)
    }

    /// A client that does not read its answers is not read from until it does.
    mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) {
        answerAll(connection)
    }

    private mutating func answerAll(_ connection: borrowing WorkerConnection<Self>) {
        while let head = requests.next()?.head {
            connection.send(Answer(head: head).text)
            guard head.staysOpen else { return connection.close() }
            guard connection.isWritable else { return }
        }
    }
}

struct HelloServer: NonBlockingServer {
    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Hello { Hello() }
}

let program = Program(
    "hello-http",
    listening: "127.0.0.1:8080",
    options: [.init("--shards", "NUMBER", "with so many threads; with one for each processor unless said")],
    purpose: """
          curl http://127.0.0.1:8080/
          wrk -c 100 -d 5 http://127.0.0.1:8080/
          ab -k -n 100000 -c 100 http://127.0.0.1:8080/
        """
)
program.runGroup { addresses, observer in
    let options = GroupOptions(shards: try program.number(of: "--shards"))
    // The first shard speaks for all: they listen on the same addresses, on the same engine.
    return try ServerGroup(listening: addresses, options: options, observing: { $0.index == 0 ? observer : nil }) { _ in
        HelloServer()
    }
}
