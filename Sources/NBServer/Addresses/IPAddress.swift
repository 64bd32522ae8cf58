internal import NBLibc

/// An IPv4 or IPv6 address, without a port: `127.0.0.1`, `2001:db8::7`, `fe80::1%eth0`.
///
/// An IPv4-mapped address (`::ffff:127.0.0.1`) is an IPv6 address. It is not equal to the IPv4 address it stands for, which is its
/// ``unmapped``. Addresses are ordered: IPv4 first, then by number, then by zone.
///
/// `Codable` as its text. Decoding fails if the zone is not an interface of the decoding machine.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address as a number, of 32 bits or of 128.
    let number: UInt128

    /// The number of the interface that a link-local IPv6 address belongs to, as in `if_nametoindex(3)`; 0 for none.
    public let zone: UInt32

    /// Whether the address is an IPv4 address. An IPv4-mapped one is not.
    public let isIPv4: Bool

    /// An address without a zone; the number fits its family.
    init(number: UInt128, isIPv4: Bool) {
        self.number = number
        self.isIPv4 = isIPv4
        zone = 0
    }

    /// An IPv4 address: `0x7f00_0001` is 127.0.0.1.
    package init(ipv4 number: UInt32) {
        self.init(number: UInt128(number), isIPv4: true)
    }

    /// An IPv6 address: 1 is `::1`.
    package init(ipv6 number: UInt128, zone: UInt32 = 0) {
        self.number = number
        self.zone = zone
        isIPv4 = false
    }

    /// The address with these bytes in network order, 4 for IPv4 or 16 for IPv6; `nil` for any other number of bytes.
    public init?(bytes: some Collection<UInt8>) {
        let number = bytes.prefix(17).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        switch bytes.count {
        case 4: self.init(ipv4: UInt32(truncatingIfNeeded: number))
        case 16: self.init(ipv6: number)
        default: return nil
        }
    }

    /// The bytes in network order, 4 for IPv4 or 16 for IPv6. The zone is not among them.
    public var bytes: [UInt8] {
        stride(from: width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    /// The number of its bits.
    var width: Int { isIPv4 ? 32 : 128 }

    /// The IPv4 address that an IPv4-mapped address stands for: `127.0.0.1` for `::ffff:127.0.0.1`. Any other address is its own.
    public var unmapped: IPAddress {
        isMapped ? IPAddress(ipv4: UInt32(truncatingIfNeeded: number)) : self
    }

    /// Whether the address is an IPv6 address that stands for an IPv4 address (`::ffff:0:0/96`).
    public var isMapped: Bool { !isIPv4 && number >> 32 == 0xffff }

    /// Whether the address is a loopback address: 127.0.0.0/8, mapped or not, or `::1`.
    public var isLoopback: Bool {
        let address = unmapped
        return address.isIPv4 ? address.number >> 24 == 127 : address.number == 1
    }

    /// Whether the address is link-local: 169.254.0.0/16, mapped or not, or `fe80::/10`.
    public var isLinkLocal: Bool {
        let address = unmapped
        return address.isIPv4 ? address.number >> 16 == 0xa9fe : address.needsZone
    }

    /// Whether it is an IPv6 address that means nothing without its interface: `fe80::/10`.
    var needsZone: Bool { !isIPv4 && number >> 118 == 0xfe80 >> 6 }

    /// Whether it stands for many hosts: 224.0.0.0/4, and `ff00::/8`.
    var isMulticast: Bool { isIPv4 ? number >> 28 == 0xe : number >> 120 == 0xff }

    /// The address as text: `127.0.0.1`, `::1`, `fe80::1%eth0`. An interface that is gone appears as its number.
    public var description: String {
        if isIPv4 { return Self.text(AF_INET, UInt32(truncatingIfNeeded: number).bigEndian) }
        let text = Self.text(AF_INET6, number.bigEndian)
        return zone == 0 ? text : "\(text)%\(Self.interfaceName(zone))"
    }

    private static func text<Bytes: BitwiseCopyable>(_ family: Int32, _ bytes: Bytes) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            withUnsafePointer(to: bytes) { bytes in
                guard let base = buffer.baseAddress, let text = inet_ntop(family, bytes, base, socklen_t(buffer.count))
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

extension IPAddress: Comparable {
    /// IPv4 comes before IPv6. Then the number decides, then the zone.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        if left.isIPv4 != right.isIPv4 { return left.isIPv4 }
        return (left.number, left.zone) < (right.number, right.zone)
    }
}
