internal import NBServer

// Addresses in memory, where every host is this one.
extension SocketAddress {
    /// The same host, or the same kind of address, with another port.
    func sibling(port: UInt16) -> SocketAddress {
        switch self {
        case .ip(let ip, _): .ip(ip, port: port)
        case .unix: .ip(.loopback, port: port)
        }
    }

    /// What a client connects to that wants to reach a listener on this address.
    var reachable: SocketAddress {
        guard let ip, ip.isEveryInterface else { return self }
        return .ip(ip.isIPv4 ? .loopback : .loopback6, port: port)
    }

    /// Whether a listener on this address takes clients of another one, which is not the same.
    func covers(_ other: SocketAddress) -> Bool {
        guard let ip, let otherIP = other.ip, ip.isEveryInterface, port == other.port else { return false }
        return !ip.isIPv4 || otherIP.isIPv4
    }
}

extension IPAddress {
    static let loopback = IPAddress(ipv4: 0x7f00_0001)
    static let loopback6 = IPAddress(ipv6: 1)

    /// `0.0.0.0` or `::`.
    var isEveryInterface: Bool { bytes.allSatisfy { $0 == 0 } }
}
