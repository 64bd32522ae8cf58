// Why a text is no address, in the words of an error: what is wrong with this one, then what to write. The text itself
// is not repeated: the error names it.

extension Endpoint {
    /// What is wrong with a text that is no address.
    var fault: String {
        let text = description[...]
        if text.isEmpty { return "it is empty; write an address and a port, as in 127.0.0.1:7777 or [::1]:7777" }
        if text.utf8.contains(0) { return "there is a zero byte in it" }
        if text.utf8.contains(where: \.isBlank) { return "there is a blank in it, and an address has none" }
        if let fault = slashFault(text) { return fault }
        return text.utf8.first == UInt8(ascii: "[") ? bracketFault(text) : plainFault(text)
    }

    /// A URL, a path or a network.
    private func slashFault(_ text: Substring) -> String? {
        let path = "a Unix socket cannot be listened on; write an IP address and a port, as in 127.0.0.1:7777"
        if text.hasPrefix("@") || text.hasPrefix("unix:") { return path }
        guard let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        let (before, after) = (text[..<slash], text[slash...])
        if before.allSatisfy({ $0 == "." }) { return path }
        if before.hasSuffix(":") && after.hasPrefix("//") {
            return "it is a URL; write the address and the port alone, as in 127.0.0.1:7777"
        }
        return "the slash and what follows belong to a URL or to a network; leave them out"
    }

    private func bracketFault(_ text: Substring) -> String {
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

    private func ipv6Fault(_ text: Substring) -> String? {
        guard Self.ipv6(text) == nil else { return nil }
        if text.isEmpty { return "the brackets are empty; [::] is every interface" }
        if Self.ipv4(text) != nil { return "an IPv4 address has no brackets, as in 127.0.0.1:7777" }
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, Self.ipv6(parts[0]) != nil else {
            return "what the brackets hold is not an IPv6 address"
        }
        if parts[1].isEmpty { return "there is no interface after the %, as in [fe80::1%eth0]:7777" }
        return "there is no network interface of that name; see `ip link`"
    }

    private func plainFault(_ text: Substring) -> String {
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
        if Self.ipv6(text) != nil || Self.ipv6(text[..<last]) != nil {
            return "an IPv6 address stands in brackets and the port behind them, as in [::1]:7777"
        }
        if Self.ipv4(text[..<first]) != nil { return "there is more than one colon; one port follows the address" }
        return "there are too many colons; write it as 127.0.0.1:7777 or [::1]:7777"
    }

    private func portFault(_ text: Substring) -> String {
        if text.isEmpty { return "there is no port after the colon; 0 is a free port" }
        if text.utf8.allSatisfy(\.isDigit) { return "the port is greater than 65535" }
        return "the port is not a number; it has the digits 0 to 9 alone"
    }

    private func hostFault(_ host: Substring) -> String {
        if host.isEmpty { return "there is no address before the port; 0.0.0.0 and [::] are every interface" }
        if host == "*" { return "* is not an address; 0.0.0.0 and [::] are every interface" }
        if host.utf8.contains(UInt8(ascii: "%")) {
            return "only a link-local IPv6 address has a zone, as in [fe80::1%eth0]:7777"
        }
        if host.isNumeric {
            return "an IPv4 address is four numbers from 0 to 255 without leading zeros, such as 127.0.0.1"
        }
        return "it is not an IP address, and names are not looked up; write 127.0.0.1, 0.0.0.0, [::1] or the like"
    }
}

extension Substring {
    /// Whether its last label is a decimal or hexadecimal number. The name of no host ends in one.
    fileprivate var isNumeric: Bool {
        guard let label = split(separator: ".").last else { return true }
        let hexadecimal = label.hasPrefix("0x") || label.hasPrefix("0X")
        return hexadecimal ? label.dropFirst(2).allSatisfy(\.isHexDigit) : label.utf8.allSatisfy(\.isDigit)
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == UInt8(ascii: " ") || (9...13).contains(self) }
}
