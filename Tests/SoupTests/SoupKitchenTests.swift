// soup-kitchen: guests at its public ports, an admin at the other. Its behavior is tested in memory, by ExampleTests.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct SoupKitchen {
        /// A pot of two bowls, and no other for a long time.
        private static let small = ["--admin", "127.0.0.1:0", "--bowls", "2", "--seconds", "100000", "127.0.0.1:0"]

        @Test func guestsGetBowlsAndWaitForMore() throws {
            let kitchen = try Example("soup-kitchen", Self.small, lines: 2)
            var admin = try Dialog(with: kitchen.addresses[1])
            var guest = try Dialog(with: kitchen.address)
            #expect(try guest.line() == "Welcome! Say soup, or bye.")
            #expect(try guest.ask("soup") == "Here you are: bowl 1.")
            #expect(try guest.ask("tea\r") == "We have soup.")
            #expect(try guest.ask("soup\r") == "Here you are: bowl 2.")
            #expect(try guest.ask("soup") == "No soup for you! Not yet: you are number 1 in the queue.")
            #expect(try admin.ask("status") == "bowls    0 left, 2 served, 1 guests wait")
            #expect(try admin.line() == "guests   1 now, 2 connections so far")
            #expect(try admin.line() == "listener \(kitchen.address) accepting")
            #expect(try admin.line() == "admin    \(kitchen.addresses[1]) accepting")
            #expect(try admin.line() == "trouble  none")
            #expect(try admin.ask("cook 5") == "cooked 5")
            #expect(try guest.line() == "Here you are: bowl 3.")
            try guest.say("bye\n")
            #expect(try guest.rest() == "Come again!\n")
            try kitchen.expectCleanEnd(saying: "closed after 3 bowls: signal SIGINT\n")
        }

        /// All at once, as from a file, and then the end.
        @Test func commandsAreAnsweredInTheirOrder() throws {
            let kitchen = try Example("soup-kitchen", Self.small, lines: 2)
            var admin = try Dialog(with: kitchen.addresses[1])
            try admin.say("status\ncook 3\nstatus\nfoo\nstatus now\ncook soup\n\nstatus\nquit\nstatus\n")
            admin.endOutput()
            let lines = try admin.rest().split(separator: "\n").filter {
                !$0.contains("on 1") && !$0.contains("127.0.0.1")
            }
            let status = ["guests   0 now, 1 connections so far", "trouble  none"]
            let unknown = "error: this is no command; help lists those there are"
            #expect(
                lines.map(String.init)
                    == ["bowls    2 left, 0 served, 0 guests wait"] + status + ["cooked 3"]
                    + ["bowls    5 left, 0 served, 0 guests wait"] + status
                    + [unknown, unknown, "error: so many cannot be cooked", unknown]
                    + ["bowls    5 left, 0 served, 0 guests wait"] + status
            )
        }

        @Test func aDrainServesWhomThereIs() throws {
            var kitchen = try Example("soup-kitchen", Self.small, lines: 2)
            var admin = try Dialog(with: kitchen.addresses[1])
            var guest = try Dialog(with: kitchen.address)
            _ = try guest.line()
            #expect(try guest.ask("soup") == "Here you are: bowl 1.")
            try admin.say("drain\n")
            #expect(try admin.rest() == "draining\n")
            #expect(try guest.rest() == "We are closing. Good night!\n")
            admin.endOutput()
            guest.endOutput()
            #expect(try kitchen.child.wait() == .exited(0))
            #expect(kitchen.child.output.hasSuffix("closed after 1 bowls: drained\n"))
        }

        @Test func theCookCallsFromTheTerminal() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { close(ends[1]) }
            let kitchen = try Example("soup-kitchen", Self.small, lines: 2, input: ends[0])
            close(ends[0])
            var guest = try Dialog(with: kitchen.address)
            _ = try guest.line()
            for number in 1...2 { #expect(try guest.ask("soup") == "Here you are: bowl \(number).") }
            #expect(try guest.ask("soup") == "No soup for you! Not yet: you are number 1 in the queue.")
            try #require(write(ends[1], "10\n", 3) == 3)
            #expect(try guest.line() == "Here you are: bowl 3.")
            try wait(for: "the cook is answered") { kitchen.child.output.hasSuffix("3 bowls served\n") }
            try kitchen.expectCleanEnd(saying: "3 bowls served\nclosed after 3 bowls: signal SIGINT\n")
        }
    }
}
