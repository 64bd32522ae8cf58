internal import LinuxLibc

/// Where to listen, as a person writes it: `127.0.0.1:7777`, `0.0.0.0:80`, `[::1]:7777`, `[::]:0`,
/// `[fe80::1%eth0]:7777`.
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
        guard !description.utf8.contains(0) else { throw invalid("there is a zero byte in it") }
        guard let colon = description.utf8.lastIndex(of: UInt8(ascii: ":")), !description.hasSuffix("]") else {
            throw invalid("there is no port; write it as 127.0.0.1:7777 or [::1]:7777")
        }
        // The next byte, not the next character: an accent on the colon would be skipped.
        let port = try port(description[description.utf8.index(after: colon)...])
        let host = description[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            return SocketAddress(try ipv6(host.dropFirst().dropLast()), port: port)
        }
        guard !host.utf8.contains(UInt8(ascii: ":")) else {
            throw invalid("an IPv6 address stands in brackets, as in [::1]:7777")
        }
        return SocketAddress(try ipv4(host), port: port)
    }

    private func port(_ text: Substring) throws(ServerError) -> UInt16 {
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isNumber, let port = UInt16(text) else {
            throw invalid("the port is a number from 0 to 65535")
        }
        return port
    }

    private func ipv4(_ text: Substring) throws(ServerError) -> SocketAddress.Host {
        var address = in_addr()
        guard inet_pton(AF_INET, String(text), &address) == 1 else {
            throw invalid("the host is an address, not a name, such as 127.0.0.1, 0.0.0.0, [::1] or [::]")
        }
        return .ipv4(address.s_addr)
    }

    private func ipv6(_ text: Substring) throws(ServerError) -> SocketAddress.Host {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        var halves: [2 of UInt64] = [0, 0]
        guard inet_pton(AF_INET6, String(parts[0]), &halves) == 1 else {
            throw invalid("what stands in brackets is not an IPv6 address")
        }
        guard parts.count == 2 else { return .ipv6(halves[0], halves[1], scope: 0) }
        // No interface has a colon in its name, but the kernel would look up what stands before it.
        let scope = parts[1].utf8.contains(UInt8(ascii: ":")) ? 0 : if_nametoindex(String(parts[1]))
        guard scope != 0 else { throw invalid("there is no network interface of that name") }
        return .ipv6(halves[0], halves[1], scope: scope)
    }

    private func invalid(_ cure: String) -> ServerError {
        ServerError(.invalidAddress, operation: "parse", address: description, cure: cure)
    }
}
