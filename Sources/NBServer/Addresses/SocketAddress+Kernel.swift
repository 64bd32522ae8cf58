internal import NBLibc

// The kernel's form of an address: a `sockaddr` of its family, and its length. ip(7), ipv6(7), unix(7).

extension SocketAddress {
    var family: Int32 {
        switch self {
        case .ip(let ip, _): ip.isIPv4 ? AF_INET : AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Reads an address that a call like `getsockname(2)` writes, in the kernel's spelling: an IPv4 peer of an IPv6 socket is mapped.
    /// `nil` when the call fails, or the family is another.
    static func reading(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            guard let base = bytes.baseAddress,
                call(base.assumingMemoryBound(to: sockaddr.self), &length) == 0
            else { return nil }
            return SocketAddress(UnsafeRawBufferPointer(bytes), count: min(Int(length), bytes.count))
        }
    }

    /// Of the storage, the kernel has written `count` bytes.
    private init?(_ bytes: UnsafeRawBufferPointer, count: Int) {
        // Every kind of address begins with its family.
        let familySize = MemoryLayout<sa_family_t>.size
        switch Int32(bytes.load(as: sa_family_t.self)) {
        case AF_INET:
            let address = bytes.load(as: sockaddr_in.self)
            let ip = IPAddress(ipv4: UInt32(bigEndian: address.sin_addr.s_addr))
            self = .ip(ip, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            var address = bytes.load(as: sockaddr_in6.self)
            let number = withUnsafeBytes(of: &address.sin6_addr) { $0.loadUnaligned(as: UInt128.self) }
            let ip = IPAddress(ipv6: UInt128(bigEndian: number), zone: address.sin6_scope_id)
            self = .ip(ip, port: UInt16(bigEndian: address.sin6_port))
        case AF_UNIX:
            self = .unix(Self.path(bytes[familySize..<max(familySize, count)]))
        default:
            return nil
        }
    }

    /// The path in a name of the kernel's; bytes that are not UTF-8 become U+FFFD.
    private static func path(_ name: Slice<UnsafeRawBufferPointer>) -> String {
        guard let first = name.first else { return "" }
        // A name in the abstract namespace begins with a zero, and may have more of them.
        if first == 0 { return "@" + String(decoding: name.dropFirst(), as: UTF8.self) }
        let path = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        // It is a file's name, which is not to be taken for an abstract one.
        return first == UInt8(ascii: "@") ? "./" + path : path
    }

    /// Lends the address in the kernel's form. A path may be longer than the kernel takes (107 bytes); the call that is given it fails then.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self {
        case .ip(let ip, let port) where ip.isIPv4:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.number).bigEndian
            return withUnsafeBytes(of: address) { Self.lend($0, to: body) }
        case .ip(let ip, let port):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = ip.zone
            withUnsafeMutableBytes(of: &address.sin6_addr) {
                $0.storeBytes(of: ip.number.bigEndian, as: UInt128.self)
            }
            return withUnsafeBytes(of: address) { Self.lend($0, to: body) }
        case .unix(let path):
            return (Self.unixFamily + Self.unixName(path)).withUnsafeBytes { Self.lend($0, to: body) }
        }
    }

    private static var unixFamily: [UInt8] { withUnsafeBytes(of: sa_family_t(AF_UNIX)) { Array($0) } }

    /// A zero ends a path, and begins a name in the abstract namespace.
    private static func unixName(_ path: String) -> [UInt8] {
        if path.isEmpty { return [] }
        let bytes = Array(path.utf8)
        return bytes[0] == UInt8(ascii: "@") ? [0] + bytes.dropFirst() : bytes + [0]
    }

    private static func lend<Result>(
        _ bytes: UnsafeRawBufferPointer,
        to body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        // Never empty: each kind of address has its family.
        body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
}
