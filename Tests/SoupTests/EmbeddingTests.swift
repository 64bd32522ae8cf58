// embedding: the server in a loop of the program's own.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Embedding {
        /// A program, and its argument that names the host.
        static let hosts = ["epoll", "poll", "dispatch", "busy"].map { ["embedding", $0] } + [["embedding-c"]]

        /// A crowd, exactly once each, and an end that leaves nothing open.
        @Test(arguments: hosts)
        func aCrowdIsServedByEachHost(host: [String]) throws {
            let embedding = try Example(host[0], host.dropFirst() + ["127.0.0.1:0", "[::1]:0"], lines: 2)
            #expect(try outcome(at: embedding.address) == .greeted)
            // Now the host has opened what it opens late, and the client saw its end ahead of the close.
            let isSocket: (String) -> Bool = { $0.hasPrefix("socket:") }
            try wait(for: "the listeners are the only sockets") {
                try ProcFS.descriptors(of: embedding.pid).values.count(where: isSocket) == embedding.addresses.count
            }
            let before = try ProcFS.descriptors(of: embedding.pid)
            for address in embedding.addresses {
                let clients = try Clients(1000, to: address)
                #expect(try clients.tally() == [.greeted: 1000])
            }
            try embedding.expectDescriptors(before)
            try embedding.expectCleanEnd()
        }

        /// It costs its host no thread. Dispatch has threads of its own.
        @Test(arguments: hosts.filter { !$0.contains("dispatch") })
        func itRunsOnOneThread(host: [String]) throws {
            let embedding = try Example(host[0], host.dropFirst() + ["127.0.0.1:0"])
            #expect(try outcome(at: embedding.address) == .greeted)
            #expect(try ProcFS.threads(of: embedding.pid).count == 1)
            try embedding.expectCleanEnd()
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
