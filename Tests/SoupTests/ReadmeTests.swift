// The README shows parts of the examples: their lines, in their order.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Readme {
        /// A part leaves out what it likes, and may name the address that the example takes from its command line.
        @Test(arguments: ["Soup", "Counter", "Echo"])
        func whatIsShownOfAnExampleIsThere(example: String) throws {
            let path = "Examples/\(example)/main.swift"
            let shown = try #require(Self.code(after: "](\(path))", in: try ownText(of: "README.md")))
            #expect(shown.contains("import NBServer"))
            #expect(shown.contains { $0.contains("try Server(") })
            try Self.expect(shown, in: path)
        }

        @Test(arguments: [
            "EpollLoop.swift", "PollLoop.swift", "DispatchLoop.swift", "BusyLoop.swift", "C/epoll.c", "C/ring.c",
            "C/libuv.c",
            "C/asio.cpp", "C/asyncio_host.py",
        ])
        func whatIsShownOfAHostIsThere(host: String) throws {
            let readme = try ownText(of: "Examples/Embedding/README.md")
            let shown = try #require(Self.code(after: "\n[\(host)](\(host))", in: readme))
            try Self.expect(shown, in: "Examples/Embedding/\(host)")
        }

        private static func expect(_ shown: [Substring], in path: String) throws {
            var program = lines(of: try ownText(of: path))[...]
            for line in shown {
                let place = program.firstIndex { $0 == line || $0 == withoutItsAddress(line) }
                guard let place else {
                    Issue.record("not in \(path), or not there: \(line)")
                    return
                }
                program = program[(place + 1)...]
            }
        }

        /// The lines of the first program, in whatever language, that follows something.
        private static func code(after words: String, in readme: String) -> [Substring]? {
            guard let start = readme.firstRange(of: words)?.upperBound,
                let fence = readme[start...].firstRange(of: "\n```")?.upperBound,
                let begin = readme[fence...].firstIndex(of: "\n"),
                let end = readme[begin...].firstRange(of: "```\n")?.lowerBound
            else { return nil }
            return lines(of: readme[begin..<end])
        }

        /// Without indentation, and without the empty ones.
        private static func lines(of text: some StringProtocol) -> [Substring] {
            text.split(separator: "\n").map { Substring($0).drop { $0 == " " } }.filter { !$0.isEmpty }
        }

        private static func withoutItsAddress(_ line: Substring) -> String {
            guard let start = line.firstRange(of: "listening: \"")?.lowerBound else { return String(line) }
            return line[..<start] + "listening: addresses)"
        }
    }
}
