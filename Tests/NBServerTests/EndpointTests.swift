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
        // A character may be more than the byte that is looked for: an accent on the colon, a sign that joins it.
        "127.0.0.1:\u{301}80", "[::1]:\u{200d}80", "127.0.0.1\u{600}:80",
        // The kernel would take what follows the colon for the name of an alias, and lo for the interface.
        "[::1%lo:]:80", "[::1%lo:alias]:80",
    ])
    func whatIsNoAddressIsAnErrorThatNamesIt(text: String) {
        let error = #expect(throws: ServerError.self) { try Endpoint(text).resolved() }
        #expect(error?.code == .invalidAddress)
        #expect(error?.address == text)
        #expect(error?.description.contains("\n") == false)
    }

    /// What breaks a line, drives a terminal or reorders the text is shown, not done; also in the name of an interface.
    @Test(arguments: [
        ("a\nb", #""a\nb""#), ("\u{1b}[2J:1", #""\u{1B}[2J:1""#), ("\u{85}", #""\u{0085}""#),
        ("\u{9b}2J", #""\u{009B}2J""#), ("\u{2028}", #""\u{2028}""#), ("\u{2029}", #""\u{2029}""#),
        ("\u{202e}08:1", #""\u{202E}08:1""#), ("[::1%a\nb]:1", #""[::1%a\nb]:1""#), ("\t\"\\", #""\t\"\\""#),
        ("café:1", "café:1"),
    ])
    func anErrorIsOneLineWhateverTheAddress(text: String, shown: String) {
        let error = #expect(throws: ServerError.self) { try Endpoint(text).resolved() }
        #expect(error?.address == text)
        #expect(error?.description == "\(shown): parse: \(error?.cure ?? "")")
        #expect(error?.cure.unicodeScalars.contains("\n") == false)
    }
}
