// What all examples have in common: help with examples, one line an error, a clean end.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Examples {
        static let names = [
            "echo", "counter", "chat", "key-value", "soup-kitchen", "hello-http", "async-echo", "async-key-value",
            "tally", "arena",
        ]

        @Test(arguments: names)
        func helpShowsTheUsageAndExamples(name: String) throws {
            let program = try EndedProgram([try Soup.built(name), "--help"])
            #expect(program.ending == .exited(0))
            #expect(program.errors == "")
            #expect(program.output.hasPrefix("usage: \(name) "))
            // The usage, and two examples at least.
            #expect(program.output.components(of: name) >= 3, "\(program.output)")
        }

        @Test(arguments: names)
        func whatIsNoAddressIsNamed(name: String) throws {
            for (argument, status) in [("localhost:7777", 1), ("--no-such-option", 2), ("", 1)] as [(String, Int32)] {
                let program = try EndedProgram([try Soup.built(name), argument])
                #expect(program.ending == .exited(status))
                #expect(program.output == "")
                #expect(program.errors.hasPrefix("\(name): ") && program.errors.contains(argument), "\(program.errors)")
                #expect(program.errors.count(where: { $0 == "\n" }) == 1)
            }
        }

        @Test(arguments: names)
        func aPortInUseIsNamed(name: String) throws {
            let other = try OwnListener()
            let program = try EndedProgram([try Soup.built(name), "\(other.address)"])
            #expect(program.ending == .exited(1))
            #expect(program.errors.contains("\(other.address)"))
            #expect(program.errors.contains("Address already in use"))
        }

        @Test func aCtrlCEndsThemWell() throws {
            try Example("echo", ["127.0.0.1:0", "[::1]:0"], lines: 2).expectCleanEnd()
            try Example("hello-http", ["127.0.0.1:0", "[::1]:0"], lines: 2).expectCleanEnd()
            try Example("soup-kitchen", ["--admin", "127.0.0.1:0", "[::1]:0"], lines: 2)
                .expectCleanEnd(saying: "closed after 0 bowls: signal SIGINT\n")
        }

        /// With clients in the middle of something.
        @Test(arguments: ["echo", "async-echo"])
        func aCtrlCAmongClientsEndsThemWell(name: String) throws {
            let echo = try Example(name)
            let idle = try Clients(100, to: echo.address)
            let spoken = try Clients(100, to: echo.address)
            try spoken.waitUntilConnected()
            try spoken.send(Array("hello".utf8))
            try spoken.waitUntil(100, have: 5)
            idle.halfClose()
            spoken.halfClose()
            try echo.expectCleanEnd()
            #expect(try spoken.tally() == [Outcome(text: "hello", end: .closed): 100])
            #expect(try idle.tally() == [Outcome(text: "", end: .closed): 100])
        }
    }
}

extension String {
    /// How often a word is in it.
    fileprivate func components(of word: String) -> Int {
        ranges(of: word).count
    }
}
