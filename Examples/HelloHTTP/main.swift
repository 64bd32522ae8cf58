// A web server that says hello to everybody, to show a worker that takes requests apart: with and without keep-alive,
// pipelined, or byte by byte.
//
// RequestHead.swift reads a request's head; this file has the connection. It knows GET and HEAD, skips bodies, refuses chunked
// ones, and has one answer for every path.

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

    /// What has come of the next request.
    private var unread: [UInt8] = []
    /// How much of it is known to hold no end.
    private var searched = 0
    /// How much of a body is still to be skipped.
    private var bodyLeft = 0

    mutating func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        bytes.withUnsafeBufferPointer { unread += $0 }
        answerAll(connection)
    }

    /// A client that does not read its answers is not read from until it does.
    mutating func becameWritable(_ connection: borrowing WorkerConnection<Self>) {
        answerAll(connection)
    }

    private mutating func answerAll(_ connection: borrowing WorkerConnection<Self>) {
        while let head = nextHead() {
            connection.send(Answer(head: head).text)
            guard head.staysOpen else { return connection.close() }
            guard connection.isWritable else { return }
        }
    }

    private mutating func nextHead() -> RequestHead? {
        skipBody()
        skipEmptyLines()
        let end = endOfHead()
        guard end ?? unread.count <= RequestHead.limit else {
            let hasRequestLine = unread.prefix(RequestHead.limit).contains(UInt8(ascii: "\n"))
            return RequestHead(refusedWith: hasRequestLine ? .fieldsTooLarge : .uriTooLong)
        }
        guard let end else { return nil }
        let head = RequestHead(unread[..<end])
        bodyLeft = head.bodyLength
        unread.removeFirst(end)
        searched = 0
        return head
    }

    private mutating func skipBody() {
        let count = min(bodyLeft, unread.count)
        bodyLeft -= count
        unread.removeFirst(count)
    }

    /// Those before a request line, which old clients send after a body (RFC 9112, 2.2).
    private mutating func skipEmptyLines() {
        var rest = unread[...]
        while rest.starts(with: "\r\n".utf8) || rest.starts(with: "\n".utf8) {
            rest = rest.dropFirst(rest.first == UInt8(ascii: "\r") ? 2 : 1)
        }
        guard rest.startIndex > 0 else { return }
        unread = Array(rest)
        searched = 0
    }

    /// Where the empty line ends that ends a head. A line ends with LF, and perhaps a CR before it.
    private mutating func endOfHead() -> Int? {
        for index in searched..<unread.count where unread[index] == UInt8(ascii: "\n") {
            let line = unread[..<index].suffix(2)
            if line.last == UInt8(ascii: "\n") || line.elementsEqual("\n\r".utf8) { return index + 1 }
        }
        searched = unread.count
        return nil
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
