import Testing

import class Foundation.JSONDecoder
import class Foundation.JSONEncoder

@testable import NBServer

/// Networks.
@Suite struct AddressPrefixTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("0.0.0.0/0", "0.0.0.0/0"), ("127.0.0.1/32", "127.0.0.1/32"),
        ("2001:DB8::/32", "2001:db8::/32"), ("::/0", "::/0"), ("::1/128", "::1/128"),
        // An address alone.
        ("192.0.2.1", "192.0.2.1/32"), ("::1", "::1/128"),
        // IPv4 inside IPv6.
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:0:0/96", "0.0.0.0/0"), ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::/95", "::/95"), ("::/96", "::/96"),
    ])
    func aPrefixIsToldInOneSpelling(text: String, spelling: String) throws {
        let prefix = try AddressPrefix(text)
        #expect(prefix.description == spelling)
        #expect(try AddressPrefix(spelling) == prefix)
        #expect(try AddressPrefix(prefix.address, length: prefix.length) == prefix)
    }

    private static let faults: [(cure: String, texts: [String])] = [
        ("there is no address", ["", "/8", "/"]),
        ("it is a URL", ["http://10.0.0.0/8"]),
        ("there is a zero byte in it", ["10.0.0.0\0/8", "10.0.0.0/8\0"]),
        ("there is a blank in it", ["10.0.0.0 /8", "10.0.0.0/ 8", " 10.0.0.0/8", "10.0.0.0/8\n"]),
        ("there is no number after the slash", ["10.0.0.0/", "::/"]),
        (
            "what follows the slash is not a number of bits",
            ["10.0.0.0/255.0.0.0", "10.0.0.0/-8", "10.0.0.0/+8", "::/x", "::/8/8"]
        ),
        ("what follows the slash is not a number of bits", ["10.0.0.0/8:80", "10.0.0.0/٨", "10.0.0.0/8\u{301}"]),
        ("the number after the slash begins with a zero", ["10.0.0.0/08", "10.0.0.0/00"]),
        (
            "the number after the slash is 0 to 32 for IPv4",
            ["10.0.0.0/33", "0.0.0.0/128", "0.0.0.0/99999999999999999999"]
        ),
        ("the number after the slash is 0 to 128 for IPv6", ["::/129", "::ffff:10.0.0.0/129"]),
        ("a prefix has no zone", ["fe80::%lo/10", "fe80::1%lo"]),
        (
            "there are bits behind the prefix; write 10.0.0.0/8",
            ["10.0.0.1/8", "10.255.255.255/8", "::ffff:10.0.0.1/104"]
        ),
        ("there are bits behind the prefix; write 0.0.0.0/0", ["127.0.0.1/0"]),
        ("there are bits behind the prefix; write 192.0.2.2/31", ["192.0.2.3/31"]),
        ("there are bits behind the prefix; write 2001:db8::/32", ["2001:db8::1/32", "2001:db8:1::/32"]),
        ("there are bits behind the prefix; write ::/0", ["::1/0", "::ffff:10.0.0.0/0"]),
        ("brackets are for an address with a port", ["[2001:db8::]/32"]),
        ("an IPv4 address is four numbers", ["10/8", "10.0/16", "256.0.0.0/8"]),
        ("it is not an IP address", ["localhost/8", "all"]),
        ("* is not an address", ["*"]),
        ("there is more than an address", ["10.0.0.0:80/8"]),
        ("it is neither", ["1:2/8"]),
    ]

    @Test(arguments: faults.flatMap { fault in fault.texts.map { (fault.cure, $0) } })
    func whatIsNoPrefixIsAnErrorThatNamesItAndItsFault(cure: String, text: String) {
        let error = #expect(throws: ServerError.self) { try AddressPrefix(text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.operation == "parse")
        #expect(error?.address == text)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    @Test(arguments: [
        ("10.0.0.0", -1, "the number after the slash is 0 to 32"),
        ("10.0.0.0", 33, "the number after the slash is 0 to 32"),
        ("::", 129, "the number after the slash is 0 to 128"), ("::", .min, "the number after the slash is 0 to 128"),
        ("10.0.0.1", 8, "there are bits behind the prefix; write 10.0.0.0/8"),
        ("fe80::%lo", 10, "a prefix has no zone"),
    ])
    func anAddressAndALengthThatAreNoPrefixAreAnError(address: String, length: Int, cure: String) throws {
        let address = try IPAddress(address)
        let error = #expect(throws: ServerError.self) { try AddressPrefix(address, length: length) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.address == "\(address)/\(length)")
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    @Test(arguments: [
        (
            "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            ["9.255.255.255", "11.0.0.0", "::a00:1", "a00::"]
        ),
        (
            "0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:0.0.0.0"],
            ["::", "::1", "::fffe:ffff:ffff", "::1:0:0:0"]
        ),
        ("192.0.2.1/32", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
        ("::ffff:10.0.0.0/104", ["10.1.2.3", "::ffff:10.1.2.3"], ["11.0.0.0", "::10.0.0.0"]),
        ("::/0", ["::", "ffff::", "fe80::1%lo"], ["0.0.0.0", "::ffff:127.0.0.1"]),
        ("fe80::/10", ["fe80::1", "fe80::1%lo", "febf::%99999"], ["fec0::", "fe7f:ffff::", "254.128.0.0"]),
        ("::1/128", ["::1", "::1%lo"], ["::", "::2", "0.0.0.1"]),
        ("2001:db8::/33", ["2001:db8:7fff::"], ["2001:db8:8000::"]),
    ])
    func aPrefixContainsItsAddresses(text: String, inside: [String], outside: [String]) throws {
        let prefix = try AddressPrefix(text)
        for address in inside { #expect(prefix.contains(try IPAddress(address)), "\(address)") }
        for address in outside { #expect(!prefix.contains(try IPAddress(address)), "\(address)") }
    }

    /// The bytes of the IPv4 address that one stands for, or else its own.
    private func plainBytes(_ address: IPAddress) -> [UInt8] {
        let bytes = address.bytes
        let isMapped = bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        return isMapped ? Array(bytes[12...]) : bytes
    }

    private func bits(_ bytes: [UInt8]) -> [Bool] {
        bytes.flatMap { byte in (0..<8).map { byte & 0x80 >> $0 != 0 } }
    }

    @Test func anyPrefixContainsWhatBeginsWithItsBits() throws {
        var generator = AddressGenerator(seed: 17)
        var (inside, outside) = (0, 0)
        for _ in 0..<3000 {
            let base = generator.ip()
            let prefix = try generator.prefix(of: base)
            #expect(try AddressPrefix(prefix.description) == prefix)
            #expect(prefix.contains(prefix.address))
            #expect(prefix.contains(prefix.last) == !prefix.last.isMapped)
            // One that differs from the first in one bit, and any.
            let first = prefix.address
            let bit = UInt128(1) << generator.random.below(first.width)
            let near = IPAddress(number: first.number ^ bit, isIPv4: first.isIPv4)
            for address in [near, base, generator.ip()] {
                let (wanted, has) = (bits(plainBytes(first)), bits(plainBytes(address)))
                let isInside = wanted.count == has.count && wanted.prefix(prefix.length) == has.prefix(prefix.length)
                #expect(prefix.contains(address) == isInside, "\(prefix) and \(address)")
                if isInside { inside += 1 } else { outside += 1 }
            }
        }
        #expect(inside > 2000 && outside > 2000)
    }

    @Test func prefixesAreInOrder() throws {
        let texts = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.0/32", "10.0.0.1/32", "::/0", "::/1", "::1/128"]
        let prefixes = try texts.map { try AddressPrefix($0) }
        for (index, lower) in prefixes.enumerated() {
            for higher in prefixes[(index + 1)...] { #expect(lower < higher && !(higher < lower)) }
        }
    }

    @Test func aPrefixIsCodedAsItsText() throws {
        let prefixes = try ["10.0.0.0/8", "::1"].map { try AddressPrefix($0) }
        let written = try JSONEncoder().encode(prefixes.map(\.description))
        #expect(try JSONDecoder().decode([AddressPrefix].self, from: written) == prefixes)
        #expect(
            try JSONDecoder().decode([String].self, from: JSONEncoder().encode(prefixes)) == ["10.0.0.0/8", "::1/128"]
        )
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([AddressPrefix].self, from: JSONEncoder().encode(["10.0.0.1/8"]))
        }
        #expect("\(error as Any)".contains("there are bits behind the prefix; write 10.0.0.0/8"))
    }
}
