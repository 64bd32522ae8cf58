internal import NBLibc

/// An IP address and a port, as the kernel reports them.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The bytes of the address, in network order, and the scope of a link-local one.
    enum Host: Hashable, Sendable {
        case ipv4(UInt32)
        case ipv6(UInt64, UInt64, scope: UInt32)
    }

    let internetHost: Host

    /// The port, 0 to 65535.
    public let port: UInt16

    init(_ host: Host, port: UInt16) {
        internetHost = host
        self.port = port
    }

    /// The address without the port: `127.0.0.1`, `::1`, `fe80::1%eth0`.
    public var host: String {
        switch internetHost {
        case .ipv4(let bits):
            return Self.text(AF_INET, in_addr(s_addr: bits))
        case .ipv6(let high, let low, let scope):
            let text = Self.text(AF_INET6, [high, low] as [2 of UInt64])
            return scope == 0 ? text : "\(text)%\(Self.interfaceName(scope))"
        }
    }

    /// The address as one writes it: `127.0.0.1:7777`, `[::1]:7777`.
    public var description: String {
        switch internetHost {
        case .ipv4: "\(host):\(port)"
        case .ipv6: "[\(host)]:\(port)"
        }
    }

    /// Why no server can listen on the address though it is one; the kernel would take most of these, and no client could
    /// connect.
    var listeningFault: String? {
        switch internetHost {
        case .ipv4(let bits):
            let address = UInt32(bigEndian: bits)
            if address >> 28 == 0xe { return "it is a multicast address; TCP connects single hosts" }
            if address == .max { return "it is the broadcast address; 0.0.0.0 is every interface" }
        case .ipv6(let high, _, let scope):
            if UInt64(bigEndian: high) >> 56 == 0xff { return "it is a multicast address; TCP connects single hosts" }
            if scope != 0 && !isLinkLocal {
                return "only a link-local address (fe80::) has a zone; leave out the % and what follows, "
                    + "or have SocketOption.bindToDevice choose the interface"
            }
        }
        return nil
    }

    var isLinkLocal: Bool {
        guard case .ipv6(let high, _, _) = internetHost else { return false }
        return UInt64(bigEndian: high) >> 54 == 0xfe80 >> 6
    }

    private var isIPv4InIPv6: Bool {
        guard case .ipv6(0, let low, _) = internetHost else { return false }
        return UInt64(bigEndian: low) >> 32 == 0xffff
    }

    /// What `bind(2)` means by an error number about the address itself, where the number alone does not say.
    func bindFault(_ errno: Int32) -> (ServerError.Code, String)? {
        guard case .ipv6(_, _, let scope) = internetHost else { return nil }
        switch errno {
        case EINVAL where isLinkLocal && scope == 0:
            return (.invalidAddress, "a link-local address needs its interface, as in [fe80::1%eth0]:7777")
        case EINVAL where isIPv4InIPv6:
            return (.invalidAddress, "it is an IPv4 address and SocketOption.ipv6Only is on; write 127.0.0.1")
        case ENODEV:
            return (.addressUnavailable, "there is no network interface with that number; see `ip link`")
        default:
            return nil
        }
    }

    var family: Int32 {
        switch internetHost {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        }
    }

    private static func text<Address>(_ family: Int32, _ address: Address) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            withUnsafePointer(to: address) { address in
                guard let base = buffer.baseAddress,
                    let text = inet_ntop(family, address, base, socklen_t(buffer.count))
                else { return "?" }
                return String(cString: text)
            }
        }
    }

    private static func interfaceName(_ index: UInt32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            guard let base = buffer.baseAddress, let name = if_indextoname(index, base) else { return "\(index)" }
            return String(cString: name)
        }
    }
}

// The kernel's form of an address.
extension SocketAddress {
    /// Reads an address that a call like `getsockname(2)` writes; `nil` when the call fails or the family is not IP.
    static func reading(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let base = bytes.baseAddress,
                call(base.assumingMemoryBound(to: sockaddr.self), &length) == 0
            else { return nil }
            return SocketAddress(UnsafeRawBufferPointer(bytes))
        }
    }

    private init?(_ bytes: UnsafeRawBufferPointer) {
        // Every kind of address begins with its family.
        switch Int32(bytes.load(as: sa_family_t.self)) {
        case AF_INET:
            let address = bytes.load(as: sockaddr_in.self)
            self.init(.ipv4(address.sin_addr.s_addr), port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            var address = bytes.load(as: sockaddr_in6.self)
            let halves = withUnsafeBytes(of: &address.sin6_addr) { $0.loadUnaligned(as: [2 of UInt64].self) }
            self.init(
                .ipv6(halves[0], halves[1], scope: address.sin6_scope_id),
                port: UInt16(bigEndian: address.sin6_port)
            )
        default:
            return nil
        }
    }

    /// Lends the address in the kernel's form.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch internetHost {
        case .ipv4(let bits):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = bits
            return Self.lend(address, to: body)
        case .ipv6(let high, let low, let scope):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &address.sin6_addr) {
                $0.storeBytes(of: [high, low], as: [2 of UInt64].self)
            }
            return Self.lend(address, to: body)
        }
    }

    private static func lend<Address, Result>(
        _ address: Address,
        to body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafeBytes(of: address) { bytes in
            // Never empty: it is the address's own memory.
            body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }
}
