internal import NBLibc

// An IP address as a person writes it, and why something else is none, in the words of an error: what is wrong with this one, then what
// to write.

extension IPAddress {
    /// The address written as `text`: `127.0.0.1`, `::1`, `fe80::1%eth0`, `fe80::1%2`. Names are not looked up.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidAddress``, which says what is wrong with the text.
    public init(_ text: String) throws(ServerError) {
        guard let address = IPAddress(ipv4Text: text[...]) ?? IPAddress(ipv6Text: text[...]) else {
            throw ServerError(.invalidAddress, operation: "parse", address: text, cure: Self.fault(text[...]))
        }
        self = address
    }

    init?(ipv4Text text: Substring) {
        // The kernel's functions would take what stands before a zero byte.
        guard !text.utf8.contains(0) else { return nil }
        var address = in_addr()
        guard inet_pton(AF_INET, String(text), &address) == 1 else { return nil }
        self.init(ipv4: UInt32(bigEndian: address.s_addr))
    }

    /// An IPv6 address, with its zone if it has one.
    init?(ipv6Text text: Substring) {
        guard !text.utf8.contains(0) else { return nil }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var bytes: UInt128 = 0
        guard inet_pton(AF_INET6, String(parts[0]), &bytes) == 1 else { return nil }
        var zone: UInt32 = 0
        if parts.count == 2 {
            guard let number = Self.zone(parts[1]) else { return nil }
            zone = number
        }
        self.init(ipv6: UInt128(bigEndian: bytes), zone: zone)
    }

    /// The index of an interface, which is given by its name or, as an address is printed whose interface is gone, as a
    /// number. A name that is a number is a name (RFC 4007, section 11.2).
    private static func zone(_ text: Substring) -> UInt32? {
        // No interface has a colon in its name, but the kernel would look up what stands before it.
        guard !text.isEmpty, !text.utf8.contains(UInt8(ascii: ":")) else { return nil }
        let index = if_nametoindex(String(text))
        guard index == 0 else { return index }
        return text.utf8.allSatisfy(\.isDigit) && text.utf8.first != UInt8(ascii: "0") ? UInt32(text) : nil
    }

    /// What is wrong with a text that is no IP address.
    static func fault(_ text: Substring) -> String {
        if text.isEmpty { return "it is empty; write an address, as in 127.0.0.1 or ::1" }
        if let fault = text.byteFault { return fault }
        if text.utf8.contains(UInt8(ascii: "/")) {
            return "the slash and what follows belong to a URL or to a network; leave them out"
        }
        if text.utf8.first == UInt8(ascii: "[") {
            return "brackets are for an address with a port; write it without them, as in ::1"
        }
        if let fault = zoneFault(text, inBrackets: false) { return fault }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return hostFault(text, inBrackets: false) }
        if IPAddress(ipv4Text: text[..<colon]) != nil { return "there is more than an address; leave out the port" }
        return "it is neither an IPv4 nor an IPv6 address; write it as 127.0.0.1 or 2001:db8::7"
    }

    /// What is wrong with the zone of an IPv6 address, if it is that.
    static func zoneFault(_ text: Substring, inBrackets: Bool) -> String? {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, IPAddress(ipv6Text: parts[0]) != nil else { return nil }
        if parts[1].isEmpty { return "there is no interface after the %, as in \(zoned(inBrackets))" }
        return "there is no network interface of that name; see `ip link`"
    }

    /// What is wrong with something without a colon.
    static func hostFault(_ host: Substring, inBrackets: Bool) -> String {
        let (any, loopback) = inBrackets ? ("[::]", "[::1]") : ("::", "::1")
        if host == "*" { return "* is not an address; 0.0.0.0 and \(any) are every interface" }
        if host.utf8.contains(UInt8(ascii: "%")) {
            return "only a link-local IPv6 address has a zone, as in \(zoned(inBrackets))"
        }
        if host.isNumeric {
            return "an IPv4 address is four numbers from 0 to 255 without leading zeros, such as 127.0.0.1"
        }
        return "it is not an IP address, and names are not looked up; write 127.0.0.1, 0.0.0.0, \(loopback) or the like"
    }

    /// An example.
    private static func zoned(_ inBrackets: Bool) -> String { inBrackets ? "[fe80::1%eth0]:7777" : "fe80::1%eth0" }
}

extension Substring {
    /// What no address has anywhere.
    var byteFault: String? {
        if utf8.contains(0) { return "there is a zero byte in it" }
        if utf8.contains(where: \.isBlank) { return "there is a blank in it, and an address has none" }
        return nil
    }

    /// Whether its last label is a decimal or hexadecimal number. The name of no host ends in one.
    fileprivate var isNumeric: Bool {
        guard let label = split(separator: ".").last else { return true }
        let hexadecimal = label.hasPrefix("0x") || label.hasPrefix("0X")
        return hexadecimal ? label.dropFirst(2).allSatisfy(\.isHexDigit) : label.utf8.allSatisfy(\.isDigit)
    }
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || (9...13).contains(self) }
}
