internal import NBLibc

/// The address of a socket: an IP address and a port, or the path of a Unix socket.
///
/// Every listener of a server has an IP address. A peer has a Unix socket's address if its connection was adopted; see
/// ``DetachedConnection/init(adopting:unread:)``. IP addresses are ordered before paths. `Codable` as its text.
public enum SocketAddress: Sendable, CustomStringConvertible {
    /// An IP address and a port, 0 to 65535: `127.0.0.1:7777`, `[::1]:7777`.
    case ip(IPAddress, port: UInt16)

    /// The path of a Unix socket. A path that begins with `@` is a name in the abstract namespace. An empty path is a socket without a
    /// name, such as one of `socketpair(2)`. Paths are equal if their bytes are. `unix(7)`.
    case unix(String)

    /// The address written as `text`: `127.0.0.1:7777`, `[::1]:7777`, `unix:/run/soup.sock`, `/run/soup.sock`, `@soup`.
    ///
    /// Reads what ``description`` prints. Names are not looked up.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidAddress``, which says what is wrong with the text.
    public init(_ text: String) throws(ServerError) {
        guard let address = Self.unixAddress(text) ?? Self.ipAddress(text) else {
            throw ServerError(.invalidAddress, operation: "parse", address: text, cure: Self.fault(text[...]))
        }
        self = address
    }

    /// The IP address; `nil` for a Unix socket.
    public var ip: IPAddress? {
        switch self {
        case .ip(let ip, _): ip
        case .unix: nil
        }
    }

    /// The port, 0 to 65535; 0 for a Unix socket. No socket that listens or is connected has port 0.
    public var port: UInt16 {
        switch self {
        case .ip(_, let port): port
        case .unix: 0
        }
    }

    /// The address with an IPv4-mapped IP address replaced by the IPv4 address it stands for: `127.0.0.1:7777` for
    /// `[::ffff:127.0.0.1]:7777`.
    public var unmapped: SocketAddress {
        switch self {
        case .ip(let ip, let port): .ip(ip.unmapped, port: port)
        case .unix: self
        }
    }

    /// The address as text: `127.0.0.1:7777`, `[::1]:7777`, `unix:/run/soup.sock`.
    public var description: String {
        switch self {
        case .ip(let ip, let port): ip.isIPv4 ? "\(ip):\(port)" : "[\(ip)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

extension SocketAddress: Hashable, Comparable {
    // Not the synthesized ones: texts are equal if they look the same, and such paths are of different files.

    /// Whether both are the same address. Paths are the same if they have the same bytes.
    public static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        switch (left, right) {
        case (.ip(let left, let leftPort), .ip(let right, let rightPort)): left == right && leftPort == rightPort
        case (.unix(let left), .unix(let right)): left.utf8.elementsEqual(right.utf8)
        case (.ip, .unix), (.unix, .ip): false
        }
    }

    /// IP addresses come before paths. Then the address decides, then the port. Paths are compared by their bytes.
    public static func < (left: SocketAddress, right: SocketAddress) -> Bool {
        switch (left, right) {
        case (.ip(let left, let leftPort), .ip(let right, let rightPort)): (left, leftPort) < (right, rightPort)
        case (.unix(let left), .unix(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.ip, .unix): true
        case (.unix, .ip): false
        }
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .ip(let ip, let port):
            hasher.combine(ip)
            hasher.combine(port)
        case .unix(let path):
            for byte in path.utf8 { hasher.combine(byte) }
        }
    }
}

// Listening.
extension SocketAddress {
    /// Why no server can listen on the address though it is one; the kernel would take most of these, and no client could
    /// connect.
    var listeningFault: String? {
        guard case .ip(let ip, _) = self else {
            return "a Unix socket cannot be listened on; write an IP address and a port, as in 127.0.0.1:7777"
        }
        if ip.isMulticast { return "it is a multicast address; TCP connects single hosts" }
        if ip == IPAddress(ipv4: .max) { return "it is the broadcast address; 0.0.0.0 is every interface" }
        if ip.zone != 0 && !ip.needsZone {
            return "only a link-local address (fe80::) has a zone; leave out the % and what follows, "
                + "or have SocketOption.bindToDevice choose the interface"
        }
        return nil
    }

    /// What `bind(2)` means by an error number about the address itself, where the number alone does not say.
    func bindFault(_ errno: Int32) -> (ServerError.Code, String)? {
        if errno == EACCES || errno == EPERM {
            return (.notPermitted, "low ports need root, CAP_NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start")
        }
        guard case .ip(let ip, _) = self, !ip.isIPv4 else { return nil }
        switch errno {
        case EINVAL where ip.needsZone && ip.zone == 0:
            return (.invalidAddress, "a link-local address needs its interface, as in [fe80::1%eth0]:7777")
        case EINVAL where ip.isMapped:
            return (.invalidAddress, "it is an IPv4 address and SocketOption.ipv6Only is on; write 127.0.0.1")
        case ENODEV:
            return (.addressUnavailable, "there is no network interface with that number; see `ip link`")
        default:
            return nil
        }
    }
}
