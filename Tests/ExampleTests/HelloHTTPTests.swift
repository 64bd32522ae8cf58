// hello-http: what a client says, whole or byte by byte, and what it reads.

import NBServerTesting
import Testing

@testable import hello_http

@Suite struct HelloHTTPTests {
    private static let head = "Content-Type: text/plain\r\nContent-Length: 14\r\n"
    private static let open = "HTTP/1.1 200 OK\r\n\(head)Connection: keep-alive\r\n\r\n"
    private static let last = "HTTP/1.1 200 OK\r\n\(head)Connection: close\r\n\r\n"
    private static let body = "Hello, world!\n"

    /// What a client says, and everything that comes back until the end.
    struct Exchange: Sendable {
        let request: String
        let answer: String

        init(_ request: String, _ answer: String) {
            self.request = request
            self.answer = answer
        }
    }

    private static let notAllowed = refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\nConnection: keep-alive")

    static let exchanges: [Exchange] = [
        Exchange("GET / HTTP/1.1\r\nHost: h\r\n\r\n", open + body),
        Exchange("\r\n\n\r\nGET / HTTP/1.1\nHost: h\n\n", open + body),
        Exchange(
            "HEAD / HTTP/1.1\r\nHost:\r\n\r\nGET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\nGET /",
            open + last + body
        ),
        Exchange("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n", last + body),
        Exchange("GET / HTTP/1.0\r\nCONNECTION:  Keep-Alive \r\n\r\n", open + body),
        Exchange(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n\r\nGET / HTTP/9.9\r\n\r\n\r\n"
                + "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            notAllowed + open + body
        ),
        Exchange("GET / HTTP/1.1\r\nHalf: a hea", ""),
        Exchange("", ""),
    ]

    @Test(arguments: exchanges)
    func itAnswers(exchange: Exchange) throws {
        let hello = try TestServer(HelloServer())
        let client = hello.connect()
        client.send(exchange.request)
        client.finish()
        #expect(client.receiveText() == exchange.answer)
        #expect(client.ending == .end)
        let slow = hello.connect()
        for byte in exchange.request.utf8 { slow.send([byte]) }
        slow.finish()
        #expect(slow.receiveText() == exchange.answer)
        #expect(slow.ending == .end)
        #expect(hello.openConnections == 0)
    }

    @Test func aThousandRequestsInOnePieceAreAnsweredInOrder() throws {
        let hello = try TestServer(HelloServer())
        let client = hello.connect()
        client.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 1_000))
        client.finish()
        #expect(client.receiveText() == String(repeating: Self.open + Self.body, count: 1_000))
    }

    @Test func aHeadOfExactlyTheLimitIsAnsweredAndALongerOneIsNot() throws {
        let hello = try TestServer(HelloServer())
        let tooLarge = Self.refusal("431 Request Header Fields Too Large")
        for (length, answer) in [(8192, Self.open + Self.body), (8193, tooLarge), (1 << 20, tooLarge)] {
            let frame = "GET / HTTP/1.1\r\nHost: h\r\nLong: \r\n\r\n"
            let filling = String(repeating: "x", count: length - frame.utf8.count)
            let client = hello.connect()
            client.send("GET / HTTP/1.1\r\nHost: h\r\nLong: \(filling)\r\n\r\n")
            client.finish()
            #expect(client.receiveText() == answer)
        }
    }

    @Test func aClientThatIsIdleForHalfAMinuteIsClosed() throws {
        let hello = try TestServer(HelloServer())
        let client = hello.connect()
        hello.advance(by: .seconds(29))
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(client.receiveText() == Self.open + Self.body)
        hello.advance(by: .milliseconds(29_999))
        #expect(client.ending == nil)
        hello.advance(by: .milliseconds(1))
        #expect(client.ending == .end)
    }

    private static func refusal(_ status: String, _ fields: String = "Connection: close") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\nContent-Length: \(status.utf8.count + 1)\r\n\(fields)\r\n\r\n"
            + "\(status)\n"
    }
}
