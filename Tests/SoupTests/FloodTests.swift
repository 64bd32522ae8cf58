// floods: what a group lets in and refuses under limits, rates and rules, to the connection.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Floods {
        /// A twentieth of what `./dev floods` has. The rows that have a rate depend on how long they take.
        @Test(arguments: ["ring", "epoll"], ["1", "4", "64"])
        func allFiguresOfAFloodAreExact(engine: String, shards: String) throws {
            let words = ["--connections", "1000", "--engine", engine, "--shards", shards]
            let program = try EndedProgram([try Soup.built("floods")] + words)
            #expect(program.ending == .exited(0), "\(program.output)\(program.errors)")
            let lines = program.output.split(separator: "\n").map(String.init)
            let title = "\(shards) \(shards == "1" ? "shard" : "shards") on \(engine)"
            #expect(lines.first?.hasPrefix("\(title) ") == true)
            let figures = Dictionary(uniqueKeysWithValues: lines.dropFirst().dropLast().map(Self.split))
            // Asked, let in, over limit, over source, denied, reset, told a last word.
            let exact: [String: [String]] = [
                "open in all": ["1,000", "250", "750", "0", "0", "750", "0"],
                "open in all, last word": ["1,000", "250", "750", "0", "0", "0", "750"],
                "open in all, others wait": ["1,000", "1,000", "0", "0", "0", "0", "0"],
                "open of a listener, two": ["1,000", "200", "800", "0", "0", "800", "0"],
                "rate, others wait": ["1,000", "1,000", "0", "0", "0", "0", "0"],
                "open of a source": ["1,000", "200", "0", "800", "0", "800", "0"],
                "3 rules": ["1,000", "250", "0", "0", "750", "750", "0"],
                "10,000 rules": ["1,000", "250", "0", "0", "750", "750", "0"],
                "all of these": ["1,000", "50", "0", "200", "750", "950", "0"],
            ]
            for (name, row) in exact { #expect(figures[name] == row, "\(name)") }
            #expect(figures.count == exact.count + 2)
            #expect(lines.last == "floods: all figures are exact")
        }

        @Test(arguments: [
            ["--engine", "uring"], ["--connections", "0"], ["--connections", "1100"], ["--connections"],
            ["--shards", "0"],
            ["20000"],
        ])
        func whatCannotBeMeantIsNamed(words: [String]) throws {
            let program = try EndedProgram([try Soup.built("floods")] + words)
            #expect(program.ending == .exited(2))
            #expect(program.output == "")
            #expect(
                program.errors.hasPrefix("floods: ") && program.errors.hasSuffix("; see --help\n"),
                "\(program.errors)"
            )
        }

        /// A line's name, and its figures but for the time.
        private static func split(_ line: String) -> (String, [String]) {
            let words = line.split(separator: " ").map(String.init)
            return (words.dropLast(8).joined(separator: " "), Array(words.suffix(8).dropLast()))
        }
    }
}
