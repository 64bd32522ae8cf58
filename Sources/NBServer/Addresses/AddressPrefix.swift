/// A network: the addresses that begin with the same bits, as in `10.0.0.0/8` and `2001:db8::/32`.
///
/// An IPv4-mapped address counts as the IPv4 address it stands for, both in a prefix and in what the prefix contains: `::ffff:10.0.0.0/104`
/// is `10.0.0.0/8`. So no IPv6 prefix contains an IPv4 address. `::/0` is all of IPv6 and none of IPv4.
///
/// Prefixes are ordered by their first address. Of two that share it, the one that contains the other comes first. `Codable` as its text.
public struct AddressPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address. The bits behind the prefix are 0.
    public let address: IPAddress

    /// How many bits the addresses have in common: 0 to 32 for IPv4, 0 to 128 for IPv6.
    public let length: Int

    /// The addresses that have the first `length` bits of `address`.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidAddress`` if the length is out of range, a bit behind the prefix is 1, or
    ///   the address has a zone.
    public init(_ address: IPAddress, length: Int) throws(ServerError) {
        self = try Self.made(address, length, of: "\(address)/\(length)")
    }

    /// The prefix written as `text`: `10.0.0.0/8`, `2001:db8::/32`. An address without a slash is a prefix that contains only this address.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidAddress``, which says what is wrong with the text.
    public init(_ text: String) throws(ServerError) {
        let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) ?? text.endIndex
        guard let address = Self.address(text[..<slash]) else {
            throw .notPrefix(text, Self.fault(text[..<slash], text[slash...]))
        }
        guard slash < text.endIndex else {
            self = try Self.made(address, address.width, of: text)
            return
        }
        let digits = text[text.utf8.index(after: slash)...]
        guard let length = Self.length(digits) else { throw .notPrefix(text, Self.lengthFault(digits)) }
        self = try Self.made(address, length, of: text)
    }

    /// The prefix, or what is wrong with these parts of `text`.
    private static func made(_ address: IPAddress, _ length: Int, of text: String) throws(ServerError) -> AddressPrefix
    {
        guard address.zone == 0 else {
            throw .notPrefix(text, "a prefix has no zone; leave out the % and what follows")
        }
        guard (0...address.width).contains(length) else {
            let family = address.isIPv4 ? "IPv4" : "IPv6"
            throw .notPrefix(text, "the number after the slash is 0 to \(address.width) for \(family)")
        }
        let behind = address.width - length
        let first = (address.number >> behind) << behind
        guard first == address.number else {
            let address = IPAddress(number: first, isIPv4: address.isIPv4)
            throw .notPrefix(
                text,
                "there are bits behind the prefix; write \(AddressPrefix(unchecked: address, length))"
            )
        }
        return AddressPrefix(unchecked: address, length)
    }

    /// The first address has no bit behind the prefix. A prefix of mapped addresses is one of IPv4.
    private init(unchecked address: IPAddress, _ length: Int) {
        let isMapped = address.isMapped && length >= 96
        self.address = isMapped ? address.unmapped : address
        self.length = isMapped ? length - 96 : length
    }

    /// Whether the prefix contains an address. The address's zone does not matter.
    public func contains(_ address: IPAddress) -> Bool {
        let address = address.unmapped
        guard address.isIPv4 == self.address.isIPv4 else { return false }
        return (address.number ^ self.address.number) >> (address.width - length) == 0
    }

    /// The last address.
    var last: IPAddress {
        let behind = ~(~UInt128(0) << (address.width - length))
        return IPAddress(number: address.number | behind, isIPv4: address.isIPv4)
    }

    /// The prefix as text, always with its length: `10.0.0.0/8`, `127.0.0.1/32`.
    public var description: String { "\(address)/\(length)" }
}

extension AddressPrefix: Comparable {
    /// The lower first address comes first. Then the shorter prefix, which contains the longer one.
    public static func < (left: AddressPrefix, right: AddressPrefix) -> Bool {
        (left.address, left.length) < (right.address, right.length)
    }
}

// A prefix as a person writes it, and why something else is none.
extension AddressPrefix {
    private static func address(_ text: Substring) -> IPAddress? {
        IPAddress(ipv4Text: text) ?? IPAddress(ipv6Text: text)
    }

    private static func length(_ digits: Substring) -> Int? {
        let isNumber = digits.utf8.allSatisfy(\.isDigit) && (digits.utf8.first != UInt8(ascii: "0") || digits == "0")
        return isNumber ? Int(digits) : nil
    }

    private static func fault(_ address: Substring, _ rest: Substring) -> String {
        if address.isEmpty { return "there is no address; write a prefix as 10.0.0.0/8 or 2001:db8::/32" }
        if address.utf8.last == UInt8(ascii: ":"), rest.utf8.starts(with: "//".utf8) {
            return "it is a URL; write a prefix as 10.0.0.0/8 or 2001:db8::/32"
        }
        return IPAddress.fault(address)
    }

    private static func lengthFault(_ digits: Substring) -> String {
        if digits.isEmpty { return "there is no number after the slash, as in 10.0.0.0/8" }
        if let fault = digits.byteFault { return fault }
        guard digits.utf8.allSatisfy(\.isDigit) else {
            return "what follows the slash is not a number of bits, as in 10.0.0.0/8"
        }
        return digits.utf8.first == UInt8(ascii: "0")
            ? "the number after the slash begins with a zero; leave it out"
            : "the number after the slash is 0 to 32 for IPv4, or to 128 for IPv6"
    }
}

extension ServerError {
    fileprivate static func notPrefix(_ text: String, _ cure: String) -> ServerError {
        ServerError(.invalidAddress, operation: "parse", address: text, cure: cure)
    }
}
