// An address with a port, as a client of soup needs it.

@preconcurrency import Glibc

struct Address: Hashable, CustomStringConvertible {
    var host: String
    var port: UInt16

    static func loopback(_ port: UInt16) -> Address { Address(host: "127.0.0.1", port: port) }

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Takes exactly what soup prints: `listening on 127.0.0.1:7777` or `listening on [::1]:7777`.
    init(listeningLine line: String) throws {
        let prefix = "listening on "
        guard line.hasPrefix(prefix), let colon = line.lastIndex(of: ":"),
            let port = UInt16(line[line.index(after: colon)...])
        else { throw Failure("not what soup has to print: \(line)") }
        var host = line.dropFirst(prefix.count).prefix(upTo: colon)
        if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.init(host: String(host), port: port)
        guard line == prefix + description, port != 0 else { throw Failure("not what soup has to print: \(line)") }
    }

    var isIPv6: Bool { host.contains(":") }
    var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }
    var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result) throws -> Result {
        var storage = sockaddr_storage()
        let length: socklen_t
        var isParsed = false
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            isParsed = inet_pton(AF_INET6, host, &address.sin6_addr) == 1
            length = socklen_t(MemoryLayout.size(ofValue: address))
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            isParsed = inet_pton(AF_INET, host, &address.sin_addr) == 1
            length = socklen_t(MemoryLayout.size(ofValue: address))
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
        }
        guard isParsed else { throw Failure("not an address: \(host)") }
        return try withUnsafePointer(to: &storage) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, length) }
        }
    }
}

/// A socket of the test's own that listens, or did.
struct OwnListener: ~Copyable {
    let address: Address
    private let descriptor: Int32

    /// Listens on a free port of 127.0.0.1.
    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let isBound = try Address.loopback(0).withSocketAddress { bind(descriptor, $0, $1) } == 0
        guard isBound, listen(descriptor, 16) == 0 else { throw Failure(call: "listen") }
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout.size(ofValue: name))
        _ = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        self.descriptor = descriptor
        address = .loopback(UInt16(bigEndian: name.sin_port))
    }

    deinit { close(descriptor) }

    /// A port that was free a moment ago.
    static func freeAddress() throws -> Address { try OwnListener().address }
}
