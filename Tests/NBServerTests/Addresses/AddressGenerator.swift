@testable import NBServer

/// Addresses that are the same again for the same seed, with many zeros, mapped ones and zones among them.
struct AddressGenerator {
    var random: Randomness

    init(seed: UInt64) {
        random = Randomness(seed: seed)
    }

    mutating func ip() -> IPAddress {
        switch random.below(3) {
        case 0: ipv4()
        case 1: IPAddress(ipv6: 0xffff << 32 | ipv4().number)
        default: IPAddress(ipv6: ipv6Number(), zone: zone())
        }
    }

    mutating func ipv4() -> IPAddress {
        IPAddress(ipv4: UInt32(truncatingIfNeeded: random.next()))
    }

    /// Eight groups, of which half are zero.
    private mutating func ipv6Number() -> UInt128 {
        (0..<8).reduce(0) { number, _ in number << 16 | (random.chance(500) ? 0 : UInt128(random.below(0x10000))) }
    }

    /// None, the loopback interface, or the number of none.
    private mutating func zone() -> UInt32 {
        [0, 1, 4_000_000_000][random.below(3)]
    }

    mutating func path() -> String {
        let parts = ["@", "/", ".", "a", "é", "e\u{301}", ":", " ", "%", "]", "unix:", "127.0.0.1:80", "\u{301}", "\n"]
        return (0..<random.below(6)).map { _ in parts[random.below(parts.count)] }.joined()
    }

    mutating func socketAddress() -> SocketAddress {
        random.chance(500) ? .unix(path()) : .ip(ip(), port: UInt16(random.below(0x10000)))
    }

    /// A prefix of any length, without bits behind it.
    mutating func prefix(of address: IPAddress) throws -> AddressPrefix {
        let length = random.below(address.width + 1)
        let behind = address.width - length
        let first = (address.number >> behind) << behind
        return try AddressPrefix(IPAddress(number: first, isIPv4: address.isIPv4), length: length)
    }
}
