internal import NBLibc

/// Where to listen, as a person writes it: `127.0.0.1:7777`, `0.0.0.0:80`, `[::1]:7777`, `[::]:0`,
/// `[fe80::1%eth0]:7777`.
///
/// A link-local IPv6 address needs its zone: an interface, by its name or its number (`[fe80::1%2]:7777`).
///
/// Port 0 asks the kernel for a free port; the one it chose is in ``Server/addresses``. `[::]` takes IPv4 connections
/// as well unless ``SocketOption/ipv6Only(_:)`` says otherwise. Names are not looked up, since that blocks. The text is
/// looked at when a server is made with it, which throws if it is not an address.
public struct Endpoint: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The text as it was given.
    public let description: String

    /// An endpoint written as `text`.
    public init(_ text: String) {
        description = text
    }

    /// An endpoint written as a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// The address the text stands for.
    func resolved() throws(ServerError) -> SocketAddress {
        guard let address = Self.address(description) else {
            throw ServerError(.invalidAddress, operation: "parse", address: description, cure: fault)
        }
        return address
    }
}

// What is an address. Why something else is none is said in `Endpoint+Fault.swift`.
extension Endpoint {
    private static func address(_ text: String) -> SocketAddress? {
        // The kernel's functions would take what stands before a zero byte.
        guard !text.utf8.contains(0), let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        // The next byte, not the next character: an accent on the colon would be skipped.
        guard let port = port(text[text.utf8.index(after: colon)...]) else { return nil }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard let host = isBracketed ? ipv6(host.dropFirst().dropLast()) : ipv4(host) else { return nil }
        return SocketAddress(host, port: port)
    }

    static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy(\.isDigit) ? UInt16(text) : nil
    }

    static func ipv4(_ text: Substring) -> SocketAddress.Host? {
        var address = in_addr()
        return inet_pton(AF_INET, String(text), &address) == 1 ? .ipv4(address.s_addr) : nil
    }

    /// An IPv6 address as it stands in brackets, with its zone if it has one.
    static func ipv6(_ text: Substring) -> SocketAddress.Host? {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var halves: [2 of UInt64] = [0, 0]
        guard inet_pton(AF_INET6, String(parts[0]), &halves) == 1 else { return nil }
        guard parts.count == 2 else { return .ipv6(halves[0], halves[1], scope: 0) }
        return zone(parts[1]).map { .ipv6(halves[0], halves[1], scope: $0) }
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
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
