// arena, asked as HttpArena asks: what its validation tries, and its three profiles in small.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct ArenaEntry {
        private static func answer(
            _ status: String,
            _ body: String,
            _ more: String = "",
            isLast: Bool = false
        ) -> String {
            "HTTP/1.1 \(status)\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\(more)"
                + "Connection: \(isLast ? "close" : "keep-alive")\r\n\r\n\(body)"
        }

        /// Each is sent whole, and byte by byte.
        struct Exchange: Sendable {
            let request: String
            let answer: String

            init(_ request: String, _ answer: String) {
                self.request = request
                self.answer = answer
            }

            /// A POST with a body in chunks.
            init(chunks: String, _ answer: String) {
                self.init(
                    "POST /baseline11?a=13&b=42 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)",
                    answer
                )
            }
        }

        private static let sum = answer("200 OK", "75")
        private static let bad = answer("400 Bad Request", "400 Bad Request\n", isLast: true)

        static let exchanges: [Exchange] = [
            Exchange("GET /baseline11?a=13&b=42 HTTP/1.1\r\nHost: h\r\n\r\n", answer("200 OK", "55")),
            Exchange("GET http://h/baseline11?a=-1&x=7&b=999 HTTP/1.1\r\nHost: h\r\n\r\n", answer("200 OK", "998")),
            Exchange("GET /baseline11 HTTP/1.1\r\nHost: h\r\n\r\n", answer("200 OK", "0")),
            Exchange(
                "GET /baseline11?a=1x HTTP/1.1\r\nHost: h\r\n\r\n",
                answer("400 Bad Request", "400 Bad Request\n")
            ),
            Exchange("GET /pipeline HTTP/1.1\r\nHost: h\r\n\r\n", answer("200 OK", "ok")),
            Exchange("GET /pipelines HTTP/1.1\r\nHost: h\r\n\r\n", answer("404 Not Found", "404 Not Found\n")),
            Exchange(
                "HEAD /pipeline HTTP/1.1\r\nHost: h\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n"
            ),
            Exchange(
                "POST /baseline11?a=13&b=42 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n20"
                    + "GET /pipeline HTTP/1.1\r\nHost: h\r\n\r\n",
                sum + answer("200 OK", "ok")
            ),
            Exchange(
                "PUT /pipeline HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nGET /pGET /pipeline HTTP/1.1\r\nHost: h\r\n\r\n",
                answer("405 Method Not Allowed", "405 Method Not Allowed\n", "Allow: GET, HEAD, POST\r\n")
                    + answer("200 OK", "ok")
            ),
            Exchange(chunks: "2\r\n20\r\n0\r\n\r\n", sum),
            Exchange(chunks: "1;name=\"value\"\r\n2\r\n01\r\n0\r\n000\r\nA-Field: that is ignored\r\n\r\n", sum),
            Exchange(
                chunks: "2\r\n20\r\n0\r\n\r\nGET /pipeline HTTP/1.1\r\nHost: h\r\n\r\n",
                sum + answer("200 OK", "ok")
            ),
            Exchange(chunks: "2\r\n20\r\n", ""),
        ]

        @Test(arguments: exchanges)
        func itAnswers(exchange: Exchange) throws {
            let arena = try Example("arena")
            for isSlow in [false, true] {
                var client = try Dialog(with: arena.address)
                if isSlow {
                    for scalar in exchange.request.unicodeScalars { try client.say(String(scalar)) }
                } else {
                    try client.say(exchange.request)
                }
                client.endOutput()
                #expect(try client.rest() == exchange.answer)
            }
            try arena.expectCleanEnd()
        }

        /// Two readers might find different ends of these bodies.
        @Test(arguments: [
            "2\n20\r\n0\r\n\r\n", "0x2\r\n20\r\n0\r\n\r\n", "2 0\r\n20\r\n0\r\n\r\n", "-1\r\n20\r\n", "\r\n20\r\n",
            "2\r\n20\n0\r\n\r\n", "2\r\n20x\r\n0\r\n\r\n", "123456789\r\n", "2;\u{1}\r\n20\r\n0\r\n\r\n",
            "2\r\n20\r\n0\r\n\n",
        ])
        func chunksThatCanBeReadInTwoWaysAreRefused(chunks: String) throws {
            let arena = try Example("arena")
            var client = try Dialog(with: arena.address)
            try client.say(Exchange(chunks: chunks, "").request)
            client.endOutput()
            #expect(try client.rest() == Self.bad)
        }

        @Test func aBodyOfExactlyTheLimitIsReadAndALongerOneIsNot() throws {
            let arena = try Example("arena")
            let tooLarge = Self.answer("413 Content Too Large", "413 Content Too Large\n", isLast: true)
            for (length, answer) in [
                (1 << 20, Self.answer("400 Bad Request", "400 Bad Request\n")), (1 << 20 + 1, tooLarge),
            ] {
                let head = "POST /baseline11 HTTP/1.1\r\nHost: h\r\n"
                var plain = try Dialog(with: arena.address)
                // Of the longer one the head alone: who speaks while it is closed upon may be reset.
                let body = answer == tooLarge ? "" : String(repeating: "x", count: length)
                try plain.say("\(head)Content-Length: \(length)\r\n\r\n\(body)")
                plain.endOutput()
                #expect(try plain.rest() == answer)
                var chunked = try Dialog(with: arena.address)
                let chunks = String(length, radix: 16) + "\r\n" + (answer == tooLarge ? "" : "\(body)\r\n0\r\n\r\n")
                try chunked.say("\(head)Transfer-Encoding: chunked\r\n\r\n\(chunks)")
                chunked.endOutput()
                #expect(try chunked.rest() == answer)
            }
        }

        @Test func aThousandRequestsInOnePieceAreAnsweredInOrder() throws {
            let arena = try Example("arena")
            var client = try Dialog(with: arena.address)
            let numbers = 1...1_000
            try client.say(numbers.map { "GET /baseline11?a=\($0)&b=0 HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
            client.endOutput()
            #expect(try client.rest() == numbers.map { Self.answer("200 OK", "\($0)") }.joined())
        }

        @Test func afterTenRequestsTheConnectionCloses() throws {
            let arena = try Example("arena", ["--requests", "10", "127.0.0.1:0"])
            var client = try Dialog(with: arena.address)
            try client.say(String(repeating: "GET /pipeline HTTP/1.1\r\nHost: h\r\n\r\n", count: 10))
            let nine = String(repeating: Self.answer("200 OK", "ok"), count: 9)
            #expect(try client.rest() == nine + Self.answer("200 OK", "ok", isLast: true))
        }

        @Test func curlIsAnswered() throws {
            let arena = try Example("arena")
            let url = "http://\(arena.address)/baseline11?a=13&b=42"
            let curl = [try program("curl"), "-sS", "-w", " %{http_code} %{num_connects}\n"]
            #expect(try EndedProgram.output(of: curl + [url, url]) == "55 200 1\n55 200 0\n")
            #expect(try EndedProgram.output(of: curl + ["-d", "20", url, url]) == "75 200 1\n75 200 0\n")
            let chunked = try EndedProgram.output(of: curl + ["-H", "Transfer-Encoding: chunked", "-d", "20", url])
            #expect(chunked == "75 200 1\n")
            let closed = try EndedProgram.output(of: curl + ["-H", "Connection: close", url, url])
            #expect(closed == "55 200 1\n55 200 1\n")
            try arena.expectCleanEnd()
        }

        /// On several threads, of which one answers all requests of a connection.
        @Test(arguments: ["ring", "epoll"], ["1", "4"])
        func clientsOfTheThreeProfilesFindNoFault(engine: String, shards: String) throws {
            let wrapper = [try program("env"), "NB_SERVER_ENGINE=\(engine)"]
            let arena = try Example("arena", ["--shards", shards, "--requests", "10", "127.0.0.1:0"], under: wrapper)
            let url = "http://\(arena.address)/baseline11?a=13&b=42"
            let ab = try EndedProgram.output(of: [try program("ab"), "-q", "-k", "-n", "5000", "-c", "50", url])
            #expect(ab.number(after: "Complete requests:") == 5_000)
            #expect(ab.number(after: "Failed requests:") == 0)
            #expect(ab.number(after: "Non-2xx responses:") == nil)
            #expect(ab.number(after: "HTML transferred:") == 10_000)
            // One client alone: every tenth answer ends its connection.
            let one = try EndedProgram.output(of: [try program("ab"), "-q", "-k", "-n", "500", "-c", "1", url])
            #expect(one.number(after: "Complete requests:") == 500)
            #expect(one.number(after: "Keep-Alive requests:") == 450)
            let wrk = try EndedProgram.output(of: [try program("wrk"), "-t", "1", "-c", "50", "-d", "1", url])
            #expect(!wrk.contains("Socket errors") && !wrk.contains("Non-2xx"), "\(wrk)")
            let requests = wrk.split(separator: "\n").first { $0.contains(" requests in ") }?.split(separator: " ")
                .first
            #expect(Int(requests ?? "") ?? 0 > 0, "\(wrk)")
            try arena.expectCleanEnd()
        }

        /// What HttpArena's scripts read of it, and look for in the image.
        @Test func theDescriptionIsWhatHttpArenaReads() throws {
            let text = try ownText(of: "Examples/Arena/meta.json")
            for field in [
                "display_name", "language", "engine", "type", "description", "enabled", "tests", "maintainers",
            ] {
                #expect(text.ranges(of: "\"\(field)\": ").count == 1, "\(field)")
            }
            #expect(text.contains("\"tests\": [\"baseline\", \"pipelined\", \"limited-conn\"]"))
            // Other engines are validated without io_uring.
            #expect(text.contains("\"engine\": \"io_uring\""))
            #expect(try ownText(of: "Examples/Arena/Dockerfile").contains("CMD [\"arena\", \"0.0.0.0:8080\"]"))
        }
    }
}
