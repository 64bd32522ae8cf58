import Testing

import class Foundation.JSONDecoder
import class Foundation.JSONEncoder

@testable import NBServer

/// Addresses without a port.
@Suite struct IPAddressTests {
    @Test(arguments: [
        "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::7", "fe80::1%lo", "::ffff:1.2.3.4",
        "1:2:3:4:5:6:7:8", "fe80::1%99999",
    ])
    func anAddressReadsAsItIsWritten(text: String) throws {
        #expect(try IPAddress(text).description == text)
    }

    @Test func anAddressHasSeveralSpellings() throws {
        #expect(try IPAddress("2001:DB8:0:0::0007") == IPAddress("2001:db8::7"))
        #expect(try IPAddress("::ffff:7f00:1").description == "::ffff:127.0.0.1")
        #expect(try IPAddress("fe80::1%1") == IPAddress("fe80::1%lo"))
        #expect(try IPAddress("fe80::1%1") != IPAddress("fe80::1"))
        #expect(try IPAddress("::ffff:127.0.0.1") != IPAddress("127.0.0.1"))
    }

    private static let faults: [(cure: String, texts: [String])] = [
        ("it is empty", [""]),
        ("there is a zero byte in it", ["127.0.0.1\0", "::1\0", "\0"]),
        ("there is a blank in it", [" 127.0.0.1", "::1\n", "fe80::1% lo"]),
        ("the slash and what follows", ["10.0.0.0/8", "http://127.0.0.1", "2001:db8::/32"]),
        ("brackets are for an address with a port", ["[::1]", "[::1]:80", "["]),
        ("there is no interface after the %, as in fe80::1%eth0", ["fe80::1%"]),
        ("there is no network interface of that name", ["fe80::1%nowhere", "fe80::1%0", "fe80::1%lo:80"]),
        ("there is more than an address; leave out the port", ["127.0.0.1:80", "127.0.0.1:"]),
        (
            "it is neither an IPv4 nor an IPv6 address",
            ["1:2:3", ":", ":::", "localhost:80", "12345::", "1:2:3:4:5:6:7:8:9"]
        ),
        ("* is not an address; 0.0.0.0 and :: are every interface", ["*"]),
        ("only a link-local IPv6 address has a zone, as in fe80::1%eth0", ["127.0.0.1%lo", "%lo"]),
        ("an IPv4 address is four numbers", ["1", "127.1", "256.0.0.1", "010.0.0.1", "1.2.3.4.5", ".", "0x7f.1"]),
        (
            "it is not an IP address, and names are not looked up; write 127.0.0.1, 0.0.0.0, ::1 or the like",
            ["localhost", "example.com", "café", "abcd"]
        ),
    ]

    @Test(arguments: faults.flatMap { fault in fault.texts.map { (fault.cure, $0) } })
    func whatIsNoAddressIsAnErrorThatNamesItAndItsFault(cure: String, text: String) {
        let error = #expect(throws: ServerError.self) { try IPAddress(text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.operation == "parse")
        #expect(error?.address == text)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    @Test func anAddressIsItsBytes() throws {
        #expect(try IPAddress("127.0.0.1").bytes == [127, 0, 0, 1])
        #expect(try IPAddress("2001:db8::7").bytes == [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])
        #expect(IPAddress(bytes: [192, 0, 2, 1])?.description == "192.0.2.1")
        #expect(IPAddress(bytes: [UInt8](repeating: 0xff, count: 16))?.description.prefix(10) == "ffff:ffff:")
        for count in 0...20 where count != 4 && count != 16 {
            #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
        }
    }

    @Test func anIPv4AddressInsideIPv6IsToldAsIPv4() throws {
        let mapped = try IPAddress("::ffff:127.0.0.1")
        #expect(mapped.isMapped && !mapped.isIPv4)
        #expect(try mapped.unmapped == IPAddress("127.0.0.1"))
        for text in ["127.0.0.1", "::1", "::127.0.0.1", "64:ff9b::7f00:1", "::fffe:7f00:1", "1::ffff:7f00:1"] {
            let address = try IPAddress(text)
            #expect(!address.isMapped)
            #expect(address.unmapped == address)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", true, false), ("127.255.255.255", true, false), ("::ffff:127.9.9.9", true, false),
        ("::1", true, false), ("126.255.255.255", false, false), ("128.0.0.0", false, false), ("::2", false, false),
        ("::127.0.0.1", false, false), ("169.254.0.0", false, true), ("169.254.255.255", false, true),
        ("169.253.255.255", false, false), ("169.255.0.0", false, false), ("::ffff:169.254.1.1", false, true),
        ("fe80::", false, true), ("febf:ffff::1%lo", false, true), ("fe7f::", false, false), ("fec0::", false, false),
    ])
    func reachIsKnown(text: String, isLoopback: Bool, isLinkLocal: Bool) throws {
        let address = try IPAddress(text)
        #expect(address.isLoopback == isLoopback)
        #expect(address.isLinkLocal == isLinkLocal)
    }

    @Test func addressesAreInOrder() throws {
        let texts = [
            "0.0.0.0", "9.255.255.255", "10.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "::ffff:1.2.3.4",
            "1::", "fe80::1", "fe80::1%1", "fe80::1%99999", "fe80::2", "ffff::",
        ]
        let addresses = try texts.map { try IPAddress($0) }
        for (index, lower) in addresses.enumerated() {
            for higher in addresses[(index + 1)...] { #expect(lower < higher && !(higher < lower)) }
            #expect(!(lower < lower))
        }
    }

    @Test func anAddressIsCodedAsItsText() throws {
        let addresses = try ["127.0.0.1", "fe80::1%lo", "::"].map { try IPAddress($0) }
        let written = try JSONEncoder().encode(addresses)
        #expect(String(decoding: written, as: UTF8.self) == #"["127.0.0.1","fe80::1%lo","::"]"#)
        #expect(try JSONDecoder().decode([IPAddress].self, from: written) == addresses)
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([IPAddress].self, from: JSONEncoder().encode(["localhost"]))
        }
        #expect("\(error as Any)".contains("localhost: parse: it is not an IP address"))
    }

    @Test func anyAddressReadsBackFromItsTextAndItsBytes() throws {
        var generator = AddressGenerator(seed: 16)
        for _ in 0..<5000 {
            let address = generator.ip()
            #expect(try IPAddress(address.description) == address)
            let again = try #require(IPAddress(bytes: address.bytes))
            #expect(again.number == address.number && again.isIPv4 == address.isIPv4 && again.zone == 0)
        }
    }
}
