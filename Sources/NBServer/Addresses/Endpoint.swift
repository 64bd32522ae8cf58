/// Where to listen, as a person writes it: `127.0.0.1:7777`, `0.0.0.0:80`, `[::1]:7777`, `[::]:0`,
/// `[fe80::1%eth0]:7777`.
///
/// A link-local IPv6 address needs its zone: an interface, by its name or its number (`[fe80::1%2]:7777`).
///
/// Port 0 asks the kernel for a free port; the one it chose is in ``Server/addresses``. `[::]` takes IPv4 connections
/// as well unless ``SocketOption/ipv6Only(_:)`` says otherwise. Names are not looked up, since that blocks. The text is
/// looked at when a server is made with it, which throws if it is not an address, or if it is a Unix socket's.
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

    /// An endpoint at an address that is known already.
    public init(_ address: SocketAddress) {
        self.init(address.description)
    }

    /// The address the text stands for.
    func resolved() throws(ServerError) -> SocketAddress {
        try SocketAddress(description)
    }
}
