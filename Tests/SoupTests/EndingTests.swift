// endings: clients of bad manners, each owed its greeting to the last byte and then the end of the stream.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Endings {
        /// Of 24 rows, 9 bring a silent crowd as well, of 64 or of 250; in two rows the server's time limits end each client.
        @Test(arguments: ["ring", "epoll"])
        func clientsOfBadMannersLoseNothing(engine: String) throws {
            let program = try EndedProgram([try Soup.built("endings"), "--engine", engine, "--connections", "100"])
            #expect(program.ending == .exited(0), "\(program.output)\(program.errors)")
            let accounts = """
                servers: 4,092 accepted, 4,092 delivered, 0 discarded, 0 failed, 200 expired; \
                0 connections and 0 descriptors left open
                """
            #expect(program.lines.suffix(3).first == accounts)
            #expect(program.lines.last == "endings: nothing is lost")
        }

        @Test(arguments: [
            ["--row", "speak"], ["--engine", "uring"], ["--connections", "0"], ["--connections"], ["30000"],
        ])
        func whatCannotBeMeantIsNamed(words: [String]) throws {
            let program = try EndedProgram([try Soup.built("endings")] + words)
            #expect(program.ending == .exited(2))
            #expect(program.output == "")
            #expect(
                program.errors.hasPrefix("endings: ") && program.errors.hasSuffix("; see --help\n"),
                "\(program.errors)"
            )
        }
    }
}

extension EndedProgram {
    /// What it wrote to its standard output.
    fileprivate var lines: [String] { output.split(separator: "\n").map(String.init) }
}
