// What soup cannot do it says in one line, with exit status 1; it never traps, and leaves nothing behind.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct BadInput {
        @Test(arguments: [
            "", "7777", ":7777", "localhost:7777", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
            "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:7777x", "127.0.0.1:99999999999999999999", "::1:7777", "[::1]",
            "[::1]7777", "[::1:7777", "[]:1", "[zz]:1", "256.0.0.1:1", "127.1:1", "127.0.0.1:1\n", "127.0.0.1:1\nx",
            "\u{e9}:1",
        ])
        func whatIsNoAddressIsNamed(argument: String) throws {
            for arguments in [[argument], ["127.0.0.1:0", argument]] {
                let soup = try EndedSoup(arguments)
                #expect(soup.ending == .exited(1))
                #expect(soup.output == "")
                #expect(soup.errorLine != nil, "\(soup.errors)")
                // A line has no line break in it, so that such an argument cannot be in it as it is.
                if !argument.contains("\n") { #expect(soup.errors.contains(argument)) }
                #expect(!soup.errors.contains("Fatal error"))
            }
        }

        @Test(arguments: ["-", "-v", "--no-such-option"])
        func whatIsNoOptionIsNamed(argument: String) throws {
            for arguments in [[argument], ["127.0.0.1:0", argument]] {
                let soup = try EndedSoup(arguments)
                #expect(soup.ending == .exited(2))
                #expect(soup.output == "")
                #expect(soup.errors == "soup: \(argument) is no option; see --help\n")
            }
        }

        @Test func anAddressOfAnotherMachineIsNamed() throws {
            let soup = try EndedSoup(["1.2.3.4:0"])
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            #expect(soup.errorLine?.contains("1.2.3.4:0") == true, "\(soup.errors)")
            #expect(soup.errorLine?.contains("Cannot assign requested address") == true, "\(soup.errors)")
        }

        @Test func moreListenersThanSlotsAreTooMany() throws {
            let soup = try EndedSoup([String](repeating: "127.0.0.1:0", count: 5_000))
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            #expect(soup.errorLine?.contains("5000") == true, "\(soup.errors)")
        }

        @Test func aPortInUseIsNamedAndNothingIsLeft() throws {
            let other = try OwnListener()
            let free = try OwnListener.freeAddress()
            let soup = try EndedSoup(["\(free)", "\(other.address)"])
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            #expect(soup.errorLine?.contains("\(other.address)") == true, "\(soup.errors)")
            #expect(soup.errorLine?.contains("Address already in use") == true, "\(soup.errors)")
            try expectOutcome(.refused, at: free)
        }

        @Test func twoListenersAtOnePortAreOneTooMany() throws {
            let free = try OwnListener.freeAddress()
            let soup = try EndedSoup(["\(free)", "\(free)"])
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            #expect(soup.errorLine?.contains("\(free)") == true, "\(soup.errors)")
            #expect(soup.errorLine?.contains("Address already in use") == true, "\(soup.errors)")
            try expectOutcome(.refused, at: free)
        }

        @Test func aSoupThatServesMakesAnotherGiveUp() throws {
            let soup = try Soup()
            let second = try EndedSoup(["\(soup.address)"])
            #expect(second.ending == .exited(1))
            #expect(second.errorLine?.contains("Address already in use") == true, "\(second.errors)")
            try expectOutcome(.greeted, at: soup.address)
        }

        @Test func helpShowsTheUsageAndAnExample() throws {
            let soup = try EndedSoup(["--help"])
            #expect(soup.ending == .exited(0))
            #expect(soup.errors == "")
            #expect(soup.output.contains("usage: soup [ADDRESS"))
            #expect(soup.output.contains("soup 127.0.0.1:0"))
        }
    }
}
