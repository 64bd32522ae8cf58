// Where soup listens, and what it says about it.

import Testing

extension SoupTests {
    @Suite struct Addresses {
        @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
        func serves(argument: String) throws {
            let soup = try Soup([argument])
            // Its port is not 0: an address insists on that when it takes the line apart.
            #expect(soup.address.host == (argument.hasPrefix("[") ? "::1" : "127.0.0.1"))
            #expect(soup.child.output == "listening on \(soup.address)\n")
            try expectOutcome(.greeted, at: soup.address)
            #expect(soup.child.errors.withoutEngineLine(of: "soup") == "")
        }

        @Test func servesThePortItIsGiven() throws {
            let address = try OwnListener.freeAddress()
            let soup = try Soup(["\(address)"])
            #expect(soup.child.output == "listening on \(address)\n")
            try expectOutcome(.greeted, at: address)
        }

        /// Somebody else on this machine may have that port for a while.
        @Test func listensOnPort7777ByDefault() throws {
            let soup = try Soup.whenAddressIsFree([])
            #expect(soup.child.output == "listening on 127.0.0.1:7777\n")
            try expectOutcome(.greeted, at: .loopback(7777))
        }

        @Test func servesSeveralAddressesTwoOfThemOnPortZero() throws {
            let given = try OwnListener.freeAddress()
            let soup = try Soup(["127.0.0.1:0", "[::1]:0", "\(given)", "127.0.0.1:0"])
            #expect(soup.child.output == soup.addresses.map { "listening on \($0)\n" }.joined())
            #expect(soup.addresses.map(\.host) == ["127.0.0.1", "::1", "127.0.0.1", "127.0.0.1"])
            #expect(soup.addresses[2] == given)
            #expect(Set(soup.addresses).count == 4)
            for address in soup.addresses { try expectAllGreeted(Clients(50, to: address)) }
        }

        @Test func servesBothFamiliesOnOneSocket() throws {
            let soup = try Soup(["[::]:0"])
            #expect(soup.child.output == "listening on [::]:\(soup.address.port)\n")
            try expectOutcome(.greeted, at: .loopback(soup.address.port))
            try expectOutcome(.greeted, at: Address(host: "::1", port: soup.address.port))
        }
    }
}
