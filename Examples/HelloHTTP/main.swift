// A web server that says hello to everybody, to show a worker that takes requests apart: with and without keep-alive,
// pipelined, or byte by byte.
//
// It parses no more of HTTP than it needs, and is not for the Internet: it knows GET and HEAD, versions 1.0 and 1.1, and the
// headers Connection and Content-Length; it skips bodies, refuses chunked ones, and has one answer for every path.

import NBServer

#if canImport(Glibc)
@preconcurrency import Glibc
#elseif canImport(Musl)
@preconcurrency import Musl
#endif

/// What the head of a request asks for.
struct Request {
    static let headLimit = 8 << 10
    static let bodyLimit = 1 << 20

    private(set) var status = "200 OK"
    private(set) var isHead = false
    private(set) var isOld = false
    private(set) var bodyLength = 0
    private var wantsToStay = false
    private var isRefused = false

    /// Nobody can tell where a refused request ends, so the connection closes.
    var staysOpen: Bool { wantsToStay && !isRefused }

    init(head: ArraySlice<UInt8>) {
        let lines = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline)
        readRequestLine(lines.first ?? "")
        for line in lines.dropFirst() { readHeader(line) }
        if bodyLength > Self.bodyLimit { refuse("413 Content Too Large") }
    }

    init(refusedWith status: String) {
        refuse(status)
    }

    private mutating func refuse(_ status: String) {
        if !isRefused { self.status = status }
        isRefused = true
    }

    private mutating func readRequestLine(_ line: Substring) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, !words[1].isEmpty, words[2].hasPrefix("HTTP/") else { return refuse("400 Bad Request") }
        isOld = words[2] == "HTTP/1.0"
        guard isOld || words[2] == "HTTP/1.1" else { return refuse("505 HTTP Version Not Supported") }
        wantsToStay = !isOld
        isHead = words[0] == "HEAD"
        if words[0] != "GET" && !isHead { status = "405 Method Not Allowed" }
    }

    private mutating func readHeader(_ line: Substring) {
        guard let colon = line.firstIndex(of: ":") else { return refuse("400 Bad Request") }
        let value = line[line.index(after: colon)...].split(separator: " ").joined(separator: " ").lowercased()
        switch line[..<colon].lowercased() {
        case "connection" where value == "close": wantsToStay = false
        case "connection" where value == "keep-alive": wantsToStay = true
        case "content-length":
            guard value.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(value) else {
                return refuse("400 Bad Request")
            }
            bodyLength = length
        case "transfer-encoding": refuse("501 Not Implemented")
        default: break
        }
    }

    var answer: String {
        let body = status == "200 OK" ? "Hello, world!\n" : "\(status)\n"
        return "HTTP/1.\(isOld ? 0 : 1) \(status)\r\n"
            + "Content-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n"
            + (status.hasPrefix("405") ? "Allow: GET, HEAD\r\n" : "")
            + (staysOpen ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n")
            + (isHead ? "" : body)
    }
}

/// One connection: requests that come one after the other, each answered before the next is looked at.
struct Hello: ConnectionWorker {
    static let options = WorkerOptions(idleTimeLimit: .seconds(30), sendTimeLimit: .seconds(30))

    /// What has come of the next head.
    private var unread: [UInt8] = []
    /// How much of it is known to hold no end.
    private var searched = 0
    /// How much of a body is still to be skipped.
    private var bodyLeft = 0

    mutating func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {
        bytes.withUnsafeBufferPointer { unread += $0 }
        answerAll(connection)
    }

    /// A client that does not read its answers is not read from until it does.
    mutating func writable(_ connection: borrowing WorkerConnection) {
        answerAll(connection)
    }

    private mutating func answerAll(_ connection: borrowing WorkerConnection) {
        while let request = nextRequest() {
            connection.send(request.answer)
            guard request.staysOpen else { return connection.close() }
            guard connection.hasRoom else { return }
        }
        connection.receive()
    }

    private mutating func nextRequest() -> Request? {
        skipBody()
        guard let end = endOfHead() else {
            return unread.count > Request.headLimit ? Request(refusedWith: "431 Request Header Fields Too Large") : nil
        }
        guard end <= Request.headLimit else { return Request(refusedWith: "431 Request Header Fields Too Large") }
        let request = Request(head: unread[..<end])
        bodyLeft = request.bodyLength
        unread.removeFirst(end)
        searched = 0
        return request
    }

    private mutating func skipBody() {
        let count = min(bodyLeft, unread.count)
        bodyLeft -= count
        unread.removeFirst(count)
    }

    /// Where the blank line ends that ends a head; a line ends with or without a carriage return.
    private mutating func endOfHead() -> Int? {
        // Empty lines before a request are to be left out.
        unread.removeFirst(searched == 0 ? unread.prefix(while: { $0 == 13 || $0 == 10 }).count : 0)
        for place in searched..<unread.count where unread[place] == 10 {
            let isBlank =
                place >= 1 && unread[place - 1] == 10 || place >= 2 && unread[place - 2...place - 1] == [10, 13]
            if isBlank { return place + 1 }
        }
        searched = unread.count
        return nil
    }
}

struct HelloServer: NonBlockingServer {
    func begin(_ context: borrowing ServerContext) -> Verdict {
        for address in context.addresses { print("listening on \(address)") }
        fflush(stdout)
        return .continue
    }

    func makeWorker(_ connection: borrowing Connection, _ context: borrowing ServerContext) -> Hello { Hello() }
}

let usage = """
    usage: hello-http [ADDRESS …]

      hello-http                        listen on 127.0.0.1:8080
      hello-http 127.0.0.1:0 [::1]:0    listen on ports that are free

      curl http://127.0.0.1:8080/
      wrk -c 100 -d 5 http://127.0.0.1:8080/
      ab -k -n 100000 -c 100 http://127.0.0.1:8080/
    """

let arguments = CommandLine.arguments.dropFirst()
if arguments == ["--help"] { exit(puts(usage) == EOF ? 1 : 0) }
do {
    let addresses = arguments.isEmpty ? ["127.0.0.1:8080"] : arguments.map { Endpoint($0) }
    let server = try Server(HelloServer(), listening: addresses)
    try server.run(stoppingOn: [.interrupt, .terminate])
} catch {
    fputs("hello-http: \(error)\n", stderr)
    exit(1)
}
