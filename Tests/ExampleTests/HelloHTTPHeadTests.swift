// hello-http, and heads that two servers could read in two ways (RFC 9112, RFC 9110).

import NBServerTesting
import Testing

@testable import hello_http

@Suite struct HelloHTTPHeadTests {
    /// A request, the status it has, and whether what follows is read as another one.
    struct Case: Sendable {
        let head: [UInt8]
        let status: Int
        let staysOpen: Bool

        init(_ head: String, _ status: Int, staysOpen: Bool? = nil) {
            self.init(bytes: Array(head.utf8), status, staysOpen: staysOpen)
        }

        init(bytes: [UInt8], _ status: Int, staysOpen: Bool? = nil) {
            head = bytes
            self.status = status
            self.staysOpen = staysOpen ?? (status == 200)
        }

        /// A good request with one more field line.
        init(field: String, _ status: Int, staysOpen: Bool? = nil) {
            self.init("GET / HTTP/1.1\r\nHost: h\r\n\(field)\r\n\r\n", status, staysOpen: staysOpen)
        }

        /// A good field line with a byte in the middle of its value.
        init(byte: UInt8, _ status: Int) {
            let head = Array("GET / HTTP/1.1\r\nHost: h\r\nA: b".utf8) + [byte] + Array("c\r\n\r\n".utf8)
            self.init(bytes: head, status)
        }

        init(line: String, _ status: Int, staysOpen: Bool? = nil) {
            self.init("\(line)\r\nHost: h\r\n\r\n", status, staysOpen: staysOpen)
        }
    }

    /// Cases of a kind, with a name for reports.
    struct Table: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let cases: [Case]
    }

    static let tables = [
        Table(testDescription: "line ends", cases: lineEnds),
        Table(testDescription: "request lines", cases: requestLines),
        Table(testDescription: "fields", cases: fields),
        Table(testDescription: "bodies", cases: bodies),
    ]

    private static let probe = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

    static let lineEnds: [Case] = [
        // Characters that end a line of text, and no line of a head: what follows is part of the value.
        Case(field: "A: b\u{2028}Content-Length: 5", 200),
        Case(field: "A: b\u{2029}Content-Length: 5", 200),
        Case(field: "A: b\u{85}Content-Length: 5", 200),
        // Bytes of no UTF-8.
        Case(byte: 0x80, 200), Case(byte: 0x85, 200), Case(byte: 0xff, 200),
        Case(byte: UInt8(ascii: "\t"), 200),
        Case(byte: 0x00, 400), Case(byte: 0x01, 400), Case(byte: 0x0b, 400), Case(byte: 0x0c, 400),
        Case(byte: 0x0d, 400), Case(byte: 0x1b, 400), Case(byte: 0x7f, 400),
        Case(field: "A: b\rContent-Length: 5", 400),
        Case("GET / HTTP/1.1\rHost: h\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n", 400),
        Case("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        // RFC 9112, 2.2: a lone LF ends a line, and empty lines may come first.
        Case("GET / HTTP/1.1\nHost: h\nA: b\n\n", 200),
        Case("GET / HTTP/1.1\r\nHost: h\n\r\n", 200),
        Case("\r\n\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 200),
    ]

    static let requestLines: [Case] = [
        Case(line: "GET /a/b?c=d/?%20 HTTP/1.1", 200),
        Case(line: "GET http://h HTTP/1.1", 200),
        Case(line: "GET HTTP://h:80/a?b HTTP/1.1", 200),
        Case(line: "GET http://[::1]:80/ HTTP/1.1", 200),
        Case(line: "GET http:// HTTP/1.1", 400),
        Case(line: "GET http://:80/ HTTP/1.1", 400),
        Case(line: "GET http://user@h/ HTTP/1.1", 400),
        Case(line: "GET http://[::1/ HTTP/1.1", 400),
        Case(line: "GET https://h/ HTTP/1.1", 400),
        Case(line: "GET h HTTP/1.1", 400),
        Case(line: "GET h:80 HTTP/1.1", 400),
        Case(line: "GET * HTTP/1.1", 400),
        Case(line: "GET /#a HTTP/1.1", 400),
        Case(line: "GET /\u{e9} HTTP/1.1", 400),
        Case(line: "GET /\u{0} HTTP/1.1", 400),
        Case(line: "GET /\t HTTP/1.1", 400),
        Case(line: "GET / / HTTP/1.1", 400),
        Case(line: "GET  / HTTP/1.1", 400),
        Case(line: "GET /  HTTP/1.1", 400),
        Case(line: "GET / HTTP/1.1 ", 400),
        Case(line: " GET / HTTP/1.1", 400),
        Case(line: "GET\t/ HTTP/1.1", 400),
        Case(line: "GET /", 400),
        Case(line: "GET  HTTP/1.1", 400),
        Case(line: "hello", 400),
        Case(line: "G(T / HTTP/1.1", 400),
        Case(line: "\u{16}\u{3}\u{1}", 400),
        Case(line: "OPTIONS * HTTP/1.1", 405, staysOpen: true),
        Case(line: "CONNECT h:80 HTTP/1.1", 405, staysOpen: true),
        Case(line: "CONNECT h HTTP/1.1", 400),
        Case(line: "CONNECT / HTTP/1.1", 400),
        Case(line: "DELETE / HTTP/1.1", 405, staysOpen: true),
        Case(line: "get / HTTP/1.1", 501, staysOpen: true),
        Case(line: "BREW / HTTP/1.1", 501, staysOpen: true),
        // RFC 9110, 2.5: a minor version that is not known is like the highest that is.
        Case(line: "GET / HTTP/1.2", 200), Case(line: "GET / HTTP/1.9", 200),
        Case(line: "GET / HTTP/2.0", 505), Case(line: "GET / HTTP/0.9", 505),
        Case("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        Case(line: "GET / HTTP/1.10", 400), Case(line: "GET / HTTP/11.1", 400), Case(line: "GET / HTTP/1,1", 400),
        Case(line: "GET / HTTP/1", 400), Case(line: "GET / http/1.1", 400), Case(line: "GET / HTTP/1.\u{661}", 400),
    ]

    static let fields: [Case] = [
        Case(field: "no colon", 400),
        Case(field: ": no name", 400),
        Case(field: "A : b", 400),
        Case(field: "A\t: b", 400),
        Case(field: "A(b): c", 400),
        Case(field: "\u{e9}: b", 400),
        Case(field: "A:", 200),
        Case(field: "A:b:c", 200),
        // A value that goes on in the next line (obs-fold), and a head that begins with a blank.
        Case(field: "A: b\r\n c", 400),
        Case(field: "A: b\r\n\tContent-Length: 5", 400),
        Case("GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400),

        Case("GET / HTTP/1.1\r\n\r\n", 400),
        Case("GET / HTTP/1.2\r\n\r\n", 400),
        Case("GET / HTTP/1.0\r\n\r\n", 200, staysOpen: false),
        Case("GET / HTTP/1.1\r\nHost:\r\n\r\n", 200),
        Case("GET / HTTP/1.1\r\nhOST: \t h.example:8080 \t\r\n\r\n", 200),
        Case("GET / HTTP/1.1\r\nHost: [fe80::1]:80\r\n\r\n", 200),
        Case("GET http://h/ HTTP/1.1\r\n\r\n", 400),
        Case(field: "Host: h", 400),
        Case(field: "Host: i", 400),
        Case("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: h, h\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: h/i\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: h:http\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        Case("GET / HTTP/1.1\r\nHost: [::1]h\r\n\r\n", 400),

        Case(field: "Connection: close", 200, staysOpen: false),
        Case(field: "Connection: TE, close", 200, staysOpen: false),
        Case(field: "Connection: close, keep-alive", 200, staysOpen: false),
        Case(field: "Connection: ,,\t cLOSE\t,", 200, staysOpen: false),
        Case(field: "Connection: TE\r\nConnection:\tclose\r\nConnection: keep-alive", 200, staysOpen: false),
        Case(field: "Connection: closed", 200),
        Case(field: "Connection: x close", 200),
        // The long s, which is an s without its case.
        Case(field: "Connection: clo\u{17f}e", 200),
        Case("GET / HTTP/1.0\r\nConnection: TE,\tKEEP-ALIVE\r\n\r\n", 200, staysOpen: true),
        Case("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", 200, staysOpen: false),
        // The Kelvin sign, whose lower case is a k.
        Case("GET / HTTP/1.0\r\nConnection: \u{212a}eep-alive\r\n\r\n", 200, staysOpen: false),

        Case(field: "Expect: 100-continue", 200),
        Case(field: "Expect: 100-Continue\r\nContent-Length: 5", 200, staysOpen: false),
        Case(field: "Expect: 200-ok", 417),
        Case("GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 200-ok\r\n\r\n", 200),
    ]

    static let bodies: [Case] = [
        Case(field: "Content-Length: 5\r\n\r\nhello", 200),
        Case(field: "Content-Length:\t5\t\r\n\r\nhello", 200),
        Case(field: "Content-Length: 0000000000000000000000005\r\n\r\nhello", 200),
        // RFC 9112, 6.3: a list of equal lengths is one length.
        Case(field: "Content-Length: 5, 5\r\n\r\nhello", 200),
        Case(field: "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200),
        Case(field: "Content-Length: 5\r\nContent-Length: 0", 400),
        Case(field: "Content-Length: 0\r\nContent-Length: 5", 400),
        Case(field: "Content-Length: 5, 6", 400),
        Case(field: "Content-Length: 5,", 400),
        Case(field: "Content-Length: , 5", 400),
        Case(field: "Content-Length:", 400),
        Case(field: "Content-Length: +5", 400),
        Case(field: "Content-Length: -5", 400),
        Case(field: "Content-Length: 5 5", 400),
        Case(field: "Content-Length: 0x5", 400),
        Case(field: "Content-Length: 5.0", 400),
        Case(field: "Content-Length: \u{665}", 400),
        Case(field: "Content-Length: 5;a", 400),
        Case(field: "Content-Length : 5", 400),
        Case(field: "Content-Length: 1048577", 413),
        Case(field: "Content-Length: 18446744073709551621", 413),
        Case(field: "Content-Length: 99999999999999999999999999", 413),

        Case(field: "Transfer-Encoding: chunked", 411),
        Case(field: "Transfer-Encoding:\tChunked,", 411),
        Case(field: "Transfer-Encoding: gzip, chunked", 501),
        Case(field: "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
        Case(field: "Transfer-Encoding: chunked, gzip", 400),
        Case(field: "Transfer-Encoding: chunked, chunked", 400),
        Case(field: "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
        Case(field: "Transfer-Encoding: identity", 400),
        Case(field: "Transfer-Encoding: xchunked", 400),
        Case(field: "Transfer-Encoding: \u{b}chunked", 400),
        Case(field: "Transfer-Encoding: chun\u{212a}ed", 400),
        Case(field: "Transfer-Encoding:", 400),
        Case(field: "Transfer-Encoding : chunked", 400),
        Case(field: "Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        Case(field: "Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        Case("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ]

    @Test(arguments: tables)
    func aHeadIsReadAsTheStandardSaysOrRefused(table: Table) throws {
        let hello = try TestServer(HelloServer())
        for one in table.cases {
            let client = hello.connect()
            // In one piece with the next request, so that a closed connection has nothing unread.
            client.send(one.head + Array(Self.probe.utf8))
            client.finish()
            let expected = ["\(one.status) \(one.staysOpen ? "keep-alive" : "close")"]
            let answers = Self.answers(in: client.receiveText())
            #expect(answers == expected + (one.staysOpen ? ["200 close"] : []), "\(one)")
        }
        #expect(hello.openConnections == 0)
    }

    @Test func aRequestLineLongerThanTheLimitIsNamed() throws {
        let hello = try TestServer(HelloServer())
        for (head, status) in [
            ("GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\nHost: h\r\n\r\n", "414 close"),
            (String(repeating: "x", count: 9_000), "414 close"),
            ("GET / HTTP/1.1\r\n\(String(repeating: "x", count: 9_000))", "431 close"),
        ] {
            let client = hello.connect()
            client.send(head)
            client.finish()
            #expect(Self.answers(in: client.receiveText()) == [status])
        }
    }

    /// A refusal is whole even if the client goes on with its body.
    @Test func aRefusalIsReadWithABodyOnTheWay() throws {
        let hello = try TestServer(HelloServer())
        let client = hello.connect()
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n")
        client.send([UInt8](repeating: 0x21, count: 100_000))
        client.finish()
        #expect(client.receiveText().hasSuffix("Connection: close\r\n\r\n413 Content Too Large\n"))
    }

    /// HEAD has no body, whatever its status.
    @Test func aRefusedHeadRequestHasNoBody() throws {
        let hello = try TestServer(HelloServer())
        let client = hello.connect()
        client.send("HEAD / HTTP/1.1\r\n\r\n")
        client.finish()
        #expect(client.receiveText().hasSuffix("Content-Length: 16\r\nConnection: close\r\n\r\n"))
    }

    /// Of each answer its code, and what becomes of the connection.
    private static func answers(in text: String) -> [String] {
        var answers: [String] = []
        for line in text.split(separator: "\r\n") {
            // A body has no CRLF at its end, so that the next status line is on its last line.
            if let status = line.firstRange(of: "HTTP/1.1 ") {
                answers.append(String(line[status.upperBound...].prefix(3)))
            } else if line.hasPrefix("Connection: "), !answers.isEmpty {
                answers[answers.count - 1] += line.dropFirst("Connection:".count)
            }
        }
        return answers
    }
}

extension HelloHTTPHeadTests.Case: CustomStringConvertible {
    var description: String { String(decoding: head, as: UTF8.self).debugDescription }
}
