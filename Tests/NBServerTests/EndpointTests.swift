import Testing

@testable import NBServer

/// Addresses as people write them.
@Suite struct EndpointTests {
    @Test(arguments: [
        "127.0.0.1:7777", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:7777", "[::]:0", "[2001:db8::7]:80",
        "[fe80::1%lo]:80",
    ])
    func anAddressReadsAsItIsWritten(text: String) throws {
        #expect(try Endpoint(text).resolved().description == text)
    }

    @Test func anAddressKnowsItsHostAndPort() throws {
        let address = try Endpoint("[::1]:0080").resolved()
        #expect(address.host == "::1")
        #expect(address.port == 80)
    }

    @Test(arguments: [
        "", ":", "7777", ":7777", "localhost:7777", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+1", "127.0.0.1:7777x", "127.0.0.1: 7777", " 127.0.0.1:7777", "127.1:80", "256.0.0.1:1", "::1:7777",
        "[::1]", "[::1]:", "[::1:7777", "::1]:7777", "[]:1", "[zz]:1", "[127.0.0.1]:1", "[fe80::1%nowhere]:1",
        "[::1%]:1",
        "127.0.0.1:٣", "[::1]x:1", "127.0.0.1\0:80",
    ])
    func whatIsNoAddressIsAnErrorThatNamesIt(text: String) {
        let error = #expect(throws: ServerError.self) { try Endpoint(text).resolved() }
        #expect(error?.code == .invalidAddress)
        #expect(error?.address == text)
        #expect(error?.description.contains("\n") == false)
    }
}
