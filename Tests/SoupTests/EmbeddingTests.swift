// embedding: the server in a loop of the program's own.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Embedding {
        /// A program, and its argument that names the host.
        static let hosts = ["epoll", "poll", "dispatch", "busy"].map { ["embedding", $0] } + [["embedding-c"]]

        /// It costs its host no thread. Dispatch has threads of its own.
        @Test(arguments: hosts.filter { !$0.contains("dispatch") })
        func itRunsOnOneThread(host: [String]) throws {
            let embedding = try Example(host[0], host.dropFirst() + ["127.0.0.1:0", "[::1]:0"], lines: 2)
            for address in embedding.addresses { #expect(try outcome(at: address) == .greeted) }
            #expect(try ProcFS.threads(of: embedding.pid).count == 1)
            try embedding.expectCleanEnd(saying: "accepted 2, delivered 2, discarded 0\n")
        }

        /// Two thousand clients exactly once each, in crowds; questions in between; a drain with clients in the queues, a stop in the middle
        /// of one; nothing left open.
        @Test(arguments: ["ring", "epoll"], ["epoll", "poll", "dispatch", "busy", "c"])
        func theAccountsOfEachHostBalance(engine: String, host: String) throws {
            let hosts = try EndedProgram([try Soup.built("hosts"), "--engine", engine, "--connections", "2000", host])
            #expect(hosts.ending == .exited(0), "\(hosts.output)\(hosts.errors)")
            let figures = "\(host)  2,000 greeted once, asked 5 times, nothing left open; drain: 4,000 greeted; stop: "
            #expect(hosts.output.hasPrefix(figures), "\(hosts.output)")
            #expect(hosts.output.hasSuffix(" s\nhosts: all accounts balance\n"), "\(hosts.output)")
        }

        /// `ring` is none of those that are built with these tests.
        @Test(arguments: [
            ["select"], ["ring"], ["--foreign"], ["--connections", "9"], ["--engine", "uring"], ["--hosts"],
        ])
        func whatHostsCannotMeanIsNamed(words: [String]) throws {
            let program = try EndedProgram([try Soup.built("hosts")] + words)
            #expect(program.ending == .exited(2))
            #expect(program.output == "")
            #expect(
                program.errors.hasPrefix("hosts: ") && program.errors.hasSuffix("; see --help\n"),
                "\(program.errors)"
            )
        }

        @Test func helpShowsTheUsageAndWhatIsNoHostIsNamed() throws {
            let help = try EndedProgram([try Soup.built("embedding"), "--help"])
            #expect(help.ending == .exited(0))
            #expect(help.output.hasPrefix("usage: embedding "))
            for (arguments, word) in [
                (["select"], "'select'"), ([], "which host?"), (["poll", "localhost:1"], "localhost:1"),
            ] {
                let program = try EndedProgram([try Soup.built("embedding")] + arguments)
                #expect(program.ending == .exited(1))
                #expect(program.output == "")
                #expect(program.errors.hasPrefix("embedding: ") && program.errors.contains(word), "\(program.errors)")
            }
        }

        @Test func aCProgramIsToldWhatIsWrong() throws {
            let program = try EndedProgram([try Soup.built("embedding-c"), "localhost:1"])
            #expect(program.ending == .exited(1))
            #expect(program.output == "")
            #expect(
                program.errors.hasPrefix("embedding-c: \"localhost:1\"")
                    || program.errors.hasPrefix("embedding-c: localhost:1: ")
            )
        }
    }
}
