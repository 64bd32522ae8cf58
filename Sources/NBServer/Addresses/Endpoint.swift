/// An address to listen on, as text: `127.0.0.1:7777`, `0.0.0.0:80`, `[::1]:7777`, `[::]:0`, `[fe80::1%eth0]:7777`.
///
/// - Port 0 asks the kernel for a free port, which is in ``Server/addresses``.
/// - `[::]` also takes IPv4 connections, unless ``SocketOption/ipv6Only(_:)`` is on.
/// - A link-local IPv6 address needs its zone: an interface, by name or by number (`[fe80::1%2]:7777`).
/// - Names are not looked up, because that blocks.
///
/// Making a server with the endpoint throws if the text is not an address, or is a Unix socket's.
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

    /// An endpoint with a known address.
    public init(_ address: SocketAddress) {
        self.init(address.description)
    }

    /// The address the text stands for.
    func resolved() throws(ServerError) -> SocketAddress {
        try SocketAddress(description)
    }
}
