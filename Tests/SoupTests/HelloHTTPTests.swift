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
            #expect(try Self.output(curl + [url, url, url]) == "\(Self.body)200 1\n" + Self.more("200 0", 2))
            #expect(try Self.output(curl + ["-H", "Connection: close", url, url]) == Self.more("200 1", 2))
            #expect(try Self.output(curl + ["-0", url, url]) == Self.more("200 1", 2))
            #expect(try Self.output(curl + ["-I", url]) == Self.open + "200 1\n")
            let refusal = "405 Method Not Allowed\n405 1\n"
            #expect(
                try Self.output(curl + ["-d", "a body", url, "--next"] + curl.dropFirst() + [url])
                    == refusal + "\(Self.body)200 0\n"
            )
            let long = String(repeating: "x", count: 9_000)
            #expect(
                try Self.output(curl + ["-H", "Long: \(long)", url])
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
            let output = try Self.output(wrk + ["http://\(hello.address)/"])
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
            let output = try Self.output(ab + ["http://\(hello.address)/"])
            #expect(Self.number(after: "Complete requests:", output) == 5_000)
            #expect(Self.number(after: "Failed requests:", output) == 0)
            #expect(Self.number(after: "Non-2xx responses:", output) == nil)
            #expect(Self.number(after: "HTML transferred:", output) == 5_000 * Self.body.utf8.count)
            #expect(Self.number(after: "Keep-Alive requests:", output) == (keepAlive.isEmpty ? nil : 5_000))
            try hello.expectCleanEnd()
        }

        private static func more(_ words: String, _ count: Int) -> String {
            String(repeating: "\(body)\(words)\n", count: count)
        }

        /// What a program writes that finds nothing wrong.
        private static func output(_ command: [String]) throws -> String {
            let program = try EndedProgram(command)
            guard program.ending == .exited(0) else {
                throw Failure("\(command): \(program.ending): \(program.errors)")
            }
            return program.output
        }

        private static func number(after title: String, _ output: String) -> Int? {
            for line in output.split(separator: "\n") where line.hasPrefix(title) {
                return Int(line.dropFirst(title.count).split(separator: " ").first ?? "")
            }
            return nil
        }
    }
}
