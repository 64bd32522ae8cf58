import Glibc
import Testing

@testable import NBServer

/// Addresses as people write them.
@Suite struct EndpointTests {
    @Test(arguments: [
        "127.0.0.1:7777", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:7777", "[::]:0", "[2001:db8::7]:80",
        "[fe80::1%lo]:80", "[::ffff:1.2.3.4]:80", "224.0.0.1:80", "[ff02::1%lo]:80",
        // An interface that is gone is printed as its number.
        "[fe80::1%99999]:80", "[fe80::1%4294967295]:80",
    ])
    func anAddressReadsAsItIsWritten(text: String) throws {
        #expect(try Endpoint(text).resolved().description == text)
    }

    @Test func anAddressKnowsItsHostAndPort() throws {
        let address = try Endpoint("[::1]:0080").resolved()
        #expect(address.ip?.description == "::1")
        #expect(address.port == 80)
    }

    /// Number 1 is the loopback interface of every network namespace.
    @Test func anInterfaceMayBeGivenAsANumber() throws {
        let address = try Endpoint("[fe80::1%1]:80").resolved()
        #expect(address == .ip(IPAddress(ipv6: 0xfe80 << 112 | 1, zone: 1), port: 80))
        #expect(address.description == "[fe80::1%lo]:80")
    }

    /// What each text has instead of an address, and the words that say so.
    private static let faults: [(cure: String, texts: [String])] = [
        ("it is empty", [""]),
        ("there is a zero byte in it", ["127.0.0.1\0:80", "127.0.0.1:80\0"]),
        ("there is a blank in it", [" 127.0.0.1:7777", "127.0.0.1: 7777", "127.0.0.1:80 ", "[::1]:80\n", "\t"]),
        ("it is a URL", ["http://127.0.0.1:80/", "tcp://127.0.0.1:80", "tcp://[::1]:80", "http://localhost"]),
        ("the slash and what follows", ["127.0.0.1:80/", "10.0.0.0/24:80", "10.0.0.1:80/24", "[fe80::1/64]:80"]),
        // In brackets.
        ("the bracket is not closed", ["[::1:7777", "[", "[::1"]),
        ("the brackets are empty", ["[]:1", "[]", "[]80"]),
        ("an IPv4 address has no brackets", ["[127.0.0.1]:1", "[127.0.0.1]"]),
        ("what the brackets hold is not", ["[zz]:1", "[localhost]:80", "[127.0.0.1%lo]:80", "[::1]:80]"]),
        ("there is no interface after the %", ["[::1%]:1", "[fe80::1%]:80"]),
        (
            "there is no network interface of that name",
            [
                "[fe80::1%nowhere]:1", "[fe80::1%0]:80", "[fe80::1%01]:80", "[fe80::1%+1]:80",
                "[fe80::1%4294967296]:80",
                // The kernel would take what follows the colon for the name of an alias, and lo for the interface.
                "[::1%lo:]:80", "[::1%lo:alias]:80",
            ]
        ),
        ("there is no port; write it as [::1]:7777", ["[::1]", "[fe80::1%lo]"]),
        ("after the bracket come a colon", ["[::1]x:1", "[::1]80", "[::1].80", "[::1]\u{301}:80"]),
        // Ports.
        ("it is a port alone", ["7777", "0"]),
        ("there is no port; write it as 127", ["127.0.0.1", "localhost", "127.0.0.1%lo", "127.0.0.1：80"]),
        ("there is no port after the colon", [":", "127.0.0.1:", "[::1]:", "localhost:"]),
        ("the port is greater than 65535", ["127.0.0.1:65536", "[::1]:99999999999999999999", ":65536"]),
        (
            "the port is not a number",
            [
                "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1:7777x", "127.0.0.1:0x50", "127.0.0.1:http", "127.0.0.1:٣",
                "127.0.0.1:８０", "127.0.0.1:80.", "[::1]:-80",
                // A character may be more than the byte that is looked for: an accent on the colon, a sign that joins it.
                "127.0.0.1:\u{301}80", "[::1]:\u{200d}80",
            ]
        ),
        // Hosts.
        ("there is no address before the port", [":7777", ":0"]),
        ("* is not an address", ["*:80"]),
        ("only a link-local IPv6 address has a zone", ["127.0.0.1%lo:80", "%lo:80"]),
        (
            "an IPv4 address is four numbers",
            [
                "0:80", "127.1:80", "256.0.0.1:1", "0x7f.1:80", "0x7f000001:80", "010.0.0.1:80", "1.2.3.4.5:80", ".:80",
                "127.0.0.:80", "2130706433:80", "１２７.0.0.1:80",
            ]
        ),
        (
            "it is not an IP address, and names are not looked up",
            ["localhost:80", "example.com:80", "café:1", "127.0.0.1\u{600}:80", "eth0:80"]
        ),
        // More than one colon.
        ("the bracket is not opened", ["::1]:7777", "fe80::1]:80"]),
        ("an IPv6 address stands in brackets", ["::1:7777", "::1", "::", ":::80", "fe80::1%lo:80", "2001:db8::7"]),
        ("there is more than one colon", ["1.2.3.4:80:90", "127.0.0.1::80", "0.0.0.0:80:"]),
        ("there are too many colons", ["localhost:80:90", "tcp:127.0.0.1:80", "1:2:3"]),
    ]

    private static let faultyTexts = faults.flatMap { fault in fault.texts.map { (fault.cure, $0) } }

    @Test(arguments: faultyTexts)
    func whatIsNoAddressIsAnErrorThatNamesItAndItsFault(cure: String, text: String) {
        let error = #expect(throws: ServerError.self) { try Endpoint(text).resolved() }
        #expect(error?.code == .invalidAddress)
        #expect(error?.address == text)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
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

    /// Addresses on which no client could reach the listener, or that the kernel binds elsewhere than the text says.
    @Test(arguments: [
        ("224.0.0.1:0", "it is a multicast address"), ("239.255.255.255:0", "it is a multicast address"),
        ("[ff02::1%lo]:0", "it is a multicast address"), ("[ff05::2]:0", "it is a multicast address"),
        ("255.255.255.255:0", "it is the broadcast address"),
        ("/run/soup.sock", "a Unix socket cannot be listened on"), ("./soup", "a Unix socket cannot be listened on"),
        ("../soup", "a Unix socket cannot be listened on"), ("unix:/run/soup", "a Unix socket cannot be listened on"),
        ("unix:soup", "a Unix socket cannot be listened on"), ("@soup", "a Unix socket cannot be listened on"),
        ("unix:", "a Unix socket cannot be listened on"),
        ("[::1%lo]:0", "only a link-local address (fe80::) has a zone"),
        ("[::%1]:0", "only a link-local address (fe80::) has a zone"),
        ("[2001:db8::7%lo]:0", "only a link-local address (fe80::) has a zone"),
        ("[::ffff:169.254.0.1%lo]:0", "only a link-local address (fe80::) has a zone"),
    ])
    func whereNoServerCanListenIsAnErrorBeforeAnySocket(endpoint: Endpoint, cure: String) {
        let error = #expect(throws: ServerError.self) { try ListenSocket(endpoint, options: []) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.operation == "listen")
        #expect(error?.errno == nil)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    /// Errors of `bind(2)` that are about the address.
    @Test(arguments: [
        ("[fe80::1]:0", EINVAL, ServerError.Code.invalidAddress, "a link-local address needs its interface"),
        ("[fe80::1%99999]:0", ENODEV, .addressUnavailable, "there is no network interface with that number"),
        ("[fe80::1%1]:0", EADDRNOTAVAIL, .addressUnavailable, "no interface of this machine has that address"),
        ("[::ffff:127.0.0.1]:0", EINVAL, .invalidAddress, "it is an IPv4 address and SocketOption.ipv6Only is on"),
        ("192.0.2.1:0", EADDRNOTAVAIL, .addressUnavailable, "no interface of this machine has that address"),
    ])
    func anAddressThatCannotBeBoundIsAnErrorThatSaysWhy(
        endpoint: Endpoint,
        errno: Int32,
        code: ServerError.Code,
        cure: String
    ) {
        let error = #expect(throws: ServerError.self) { try ListenSocket(endpoint, options: [.ipv6Only(true)]) }
        #expect(error?.operation == "bind")
        #expect(error?.errno == errno)
        #expect(error?.code == code)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    @Test func anIPv4AddressInIPv6FormIsListenedOn() throws {
        let socket = try ListenSocket("[::ffff:127.0.0.1]:0", options: [])
        #expect(socket.address.ip?.description == "::ffff:127.0.0.1")
    }
}
