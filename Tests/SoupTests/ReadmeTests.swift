// The README and the first article show parts of the examples: their lines, in their order.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Readme {
        /// A part leaves out what it likes. What is around the server is its own.
        @Test(arguments: [
            ("Soup", "README.md"), ("Echo", "README.md"),
            ("Counter", "Sources/NBServer/NBServer.docc/GettingStarted.md"),
        ]) func whatIsShownOfAnExampleIsThere(example: String, page: String) throws {
            let path = "Examples/\(example)/main.swift"
            let shown = try #require(Self.code(after: path, in: try ownText(of: page)))
            let behavior = shown.prefix { !$0.hasPrefix("let server") }
            #expect(behavior.contains("import NBServer") && behavior.contains { $0.hasPrefix("struct ") })
            try Self.expect(Array(behavior), in: path)
        }

        /// The listener around the tasks is a line of its own there.
        @Test func theTasksThatAreShownAreThere() throws {
            let path = "Examples/AsyncEcho/main.swift"
            let shown = try #require(Self.code(after: "](\(path))", in: try ownText(of: "README.md")))
            #expect(shown.first == "import NBServer" && shown.contains { $0.contains("withListener(") })
            try Self.expect(shown.filter { !$0.contains("withListener(") }, in: path)
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

        /// The results of a benchmark, or a file that has moved, are easily left behind.
        @Test(arguments: [
            "README.md", "CONTRIBUTING.md", "Benchmarks/README.md", "Benchmarks/Recipes/README.md",
            "Examples/README.md", "Examples/Arena/README.md", "Examples/Companions/README.md",
            "Examples/Deployment/README.md",
            "Examples/Embedding/README.md", "Tests/README.md",
            "Tests/Fuzzing/README.md",
        ]) func whatAPageLinksToIsThere(page: String) throws {
            let folder = page.lastIndex(of: "/").map { page[...$0] } ?? ""
            // A lambda of C++ looks like a link, but for its spaces.
            let links = try ownText(of: page).parts(between: "](", and: ")")
                .filter { !$0.contains("://") && !$0.contains(" ") }
            for path in links.map({ $0.prefix { $0 != "#" } }) where !path.isEmpty {
                #expect(access(ownPath(of: "\(folder)\(path)"), F_OK) == 0, "\(page) links to \(path)")
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

extension String {
    /// What stands between two marks, wherever they are.
    fileprivate func parts(between begin: String, and end: String) -> [Substring] {
        var found: [Substring] = []
        var rest = self[...]
        while let start = rest.firstRange(of: begin)?.upperBound,
            let stop = rest[start...].firstRange(of: end)?.lowerBound
        {
            found.append(rest[start..<stop])
            rest = rest[stop...]
        }
        return found
    }
}
