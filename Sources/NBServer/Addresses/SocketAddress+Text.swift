// A socket's address as a person writes it, and why a text is none, in the words of an error: what is wrong with this one, then what to
// write. The text itself is not repeated: the error names it.

extension SocketAddress {
    static func ipAddress(_ text: String) -> SocketAddress? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        // The next byte, not the next character: an accent on the colon would be skipped.
        guard let port = port(text[text.utf8.index(after: colon)...]) else { return nil }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let ip = isBracketed ? IPAddress(ipv6Text: host.dropFirst().dropLast()) : IPAddress(ipv4Text: host)
        return ip.map { .ip($0, port: port) }
    }

    /// A path, which `unix:` stands before unless it begins like one, or the name of a socket in the abstract namespace.
    static func unixAddress(_ text: String) -> SocketAddress? {
        let isMarked = text.utf8.starts(with: "unix:".utf8)
        // By bytes: a character may be a slash with an accent.
        let path = Substring(text.utf8.dropFirst(isMarked ? 5 : 0))
        let isPath = text.utf8.first { $0 != UInt8(ascii: ".") } == UInt8(ascii: "/")
        guard isMarked || isPath || text.utf8.first == UInt8(ascii: "@") else { return nil }
        // A zero would end a path, but may be anywhere in an abstract name.
        guard path.utf8.first == UInt8(ascii: "@") || !path.utf8.contains(0) else { return nil }
        return .unix(String(path))
    }

    private static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy(\.isDigit) ? UInt16(text) : nil
    }

    /// What is wrong with a text that is no address.
    static func fault(_ text: Substring) -> String {
        if text.isEmpty { return "it is empty; write an address and a port, as in 127.0.0.1:7777 or [::1]:7777" }
        if let fault = text.byteFault { return fault }
        if let fault = slashFault(text) { return fault }
        return text.utf8.first == UInt8(ascii: "[") ? bracketFault(text) : plainFault(text)
    }

    /// A URL or a network.
    private static func slashFault(_ text: Substring) -> String? {
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        if text[..<slash].hasSuffix(":") && text[slash...].hasPrefix("//") {
            return "it is a URL; write the address and the port alone, as in 127.0.0.1:7777"
        }
        return "the slash and what follows belong to a URL or to a network; leave them out"
    }

    private static func bracketFault(_ text: Substring) -> String {
        guard let end = text.utf8.lastIndex(of: UInt8(ascii: "]")) else {
            return "the bracket is not closed; write it as [::1]:7777"
        }
        let inside = text[text.utf8.index(after: text.startIndex)..<end]
        if let fault = ipv6Fault(inside) { return fault }
        let rest = text[text.utf8.index(after: end)...]
        if rest.isEmpty { return "there is no port; write it as [::1]:7777" }
        guard rest.utf8.first == UInt8(ascii: ":") else {
            return "after the bracket come a colon and the port, as in [::1]:7777"
        }
        return portFault(rest[rest.utf8.index(after: rest.startIndex)...])
    }

    private static func ipv6Fault(_ text: Substring) -> String? {
        guard IPAddress(ipv6Text: text) == nil else { return nil }
        if text.isEmpty { return "the brackets are empty; [::] is every interface" }
        if IPAddress(ipv4Text: text) != nil { return "an IPv4 address has no brackets, as in 127.0.0.1:7777" }
        return IPAddress.zoneFault(text, inBrackets: true) ?? "what the brackets hold is not an IPv6 address"
    }

    private static func plainFault(_ text: Substring) -> String {
        guard let first = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            let last = text.utf8.lastIndex(of: UInt8(ascii: ":"))
        else {
            let isPort = text.utf8.allSatisfy(\.isDigit)
            return isPort
                ? "it is a port alone; for every interface write 0.0.0.0 and a colon before it, or [::] and a colon"
                : "there is no port; write it as 127.0.0.1:7777 or [::1]:7777"
        }
        if first == last {
            let port = text[text.utf8.index(after: last)...]
            return Self.port(port) == nil ? portFault(port) : hostFault(text[..<last])
        }
        if text.utf8.contains(UInt8(ascii: "]")) { return "the bracket is not opened; write it as [::1]:7777" }
        if IPAddress(ipv6Text: text) != nil || IPAddress(ipv6Text: text[..<last]) != nil {
            return "an IPv6 address stands in brackets and the port behind them, as in [::1]:7777"
        }
        if IPAddress(ipv4Text: text[..<first]) != nil {
            return "there is more than one colon; one port follows the address"
        }
        return "there are too many colons; write it as 127.0.0.1:7777 or [::1]:7777"
    }

    private static func portFault(_ text: Substring) -> String {
        if text.isEmpty { return "there is no port after the colon; 0 is a free port" }
        if text.utf8.allSatisfy(\.isDigit) { return "the port is greater than 65535" }
        return "the port is not a number; it has the digits 0 to 9 alone"
    }

    private static func hostFault(_ host: Substring) -> String {
        if host.isEmpty { return "there is no address before the port; 0.0.0.0 and [::] are every interface" }
        return IPAddress.hostFault(host, inBrackets: true)
    }
}
