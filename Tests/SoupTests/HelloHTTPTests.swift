// hello-http, asked by curl, wrk and ab. What it makes of requests is tested in memory, by ExampleTests.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct HelloHTTP {
        private static let head = "Content-Type: text/plain\r\nContent-Length: 14\r\n"
        private static let open = "HTTP/1.1 200 OK\r\n\(head)Connection: keep-alive\r\n\r\n"
        private static let body = "Hello, world!\n"

        @Test func curlIsGreetedWithAndWithoutKeepAlive() throws {
            let hello = try Example("hello-http")
            let url = "http://\(hello.address)/"
            let curl = [try program("curl"), "-sS", "-w", "%{http_code} %{num_connects}\n"]
            // Three requests, on a connection that is used again.
            let three = try EndedProgram.output(of: curl + [url, url, url])
            #expect(three == "\(Self.body)200 1\n" + Self.more("200 0", 2))
            #expect(try EndedProgram.output(of: curl + ["-H", "Connection: close", url, url]) == Self.more("200 1", 2))
            #expect(try EndedProgram.output(of: curl + ["-0", url, url]) == Self.more("200 1", 2))
            #expect(try EndedProgram.output(of: curl + ["-I", url]) == Self.open + "200 1\n")
            let refusal = "405 Method Not Allowed\n405 1\n"
            #expect(
                try EndedProgram.output(of: curl + ["-d", "a body", url, "--next"] + curl.dropFirst() + [url])
                    == refusal + "\(Self.body)200 0\n"
            )
            let long = String(repeating: "x", count: 9_000)
            #expect(
                try EndedProgram.output(of: curl + ["-H", "Long: \(long)", url])
                    == "431 Request Header Fields Too Large\n431 1\n"
            )
            try hello.expectCleanEnd()
        }

        @Test(arguments: [
            ([], 2, "--shards wants a value"), (["many"], 2, "--shards wants a number from 1"),
            (["0"], 2, "--shards wants a number from 1"), (["2000"], 1, "GroupOptions.shards: 2000 is out of range"),
        ]) func aNumberOfShardsThatCannotBeIsAnError(words: [String], status: Int32, text: String) throws {
            let program = try EndedProgram([try Soup.built("hello-http"), "--shards"] + words)
            #expect(program.ending == .exited(status))
            #expect(program.errors.hasPrefix("hello-http: \(text)"))
        }

        @Test(arguments: [[], ["-H", "Connection: close"]])
        func wrkFindsNoFault(header: [String]) throws {
            let hello = try Example("hello-http")
            let wrk = [try program("wrk"), "-t", "1", "-c", "50", "-d", "1"] + header
            let output = try EndedProgram.output(of: wrk + ["http://\(hello.address)/"])
            // It writes lines of errors only if there were any.
            #expect(!output.contains("Socket errors") && !output.contains("Non-2xx"), "\(output)")
            let requests = output.split(separator: "\n").first { $0.contains(" requests in ") }?.split(separator: " ")
                .first
            #expect(Int(requests ?? "") ?? 0 > 0, "\(output)")
            try hello.expectCleanEnd()
        }

        @Test(arguments: [[], ["-k"]])
        func abFindsNoFault(keepAlive: [String]) throws {
            let hello = try Example("hello-http")
            let ab = [try program("ab"), "-q", "-n", "5000", "-c", "50"] + keepAlive
            let output = try EndedProgram.output(of: ab + ["http://\(hello.address)/"])
            #expect(output.number(after: "Complete requests:") == 5_000)
            #expect(output.number(after: "Failed requests:") == 0)
            #expect(output.number(after: "Non-2xx responses:") == nil)
            #expect(output.number(after: "HTML transferred:") == 5_000 * Self.body.utf8.count)
            #expect(output.number(after: "Keep-Alive requests:") == (keepAlive.isEmpty ? nil : 5_000))
            try hello.expectCleanEnd()
        }

        private static func more(_ words: String, _ count: Int) -> String {
            String(repeating: "\(body)\(words)\n", count: count)
        }
    }
}
