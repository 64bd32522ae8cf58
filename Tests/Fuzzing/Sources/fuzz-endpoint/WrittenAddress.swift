internal import Glibc

@testable internal import NBServer

/// An address read byte for byte, without the notion of a character: what an ``Endpoint`` must come to.
struct WrittenAddress {
    let address: SocketAddress

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        if let path = Self.path(bytes) {
            address = .unix(String(decoding: path, as: UTF8.self))
            return
        }
        guard !bytes.contains(0), let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        guard let port: UInt16 = Self.number(bytes[(colon + 1)...]) else { return nil }
        guard let host = Self.ipv6(bytes[..<colon]) ?? Self.ipv4(bytes[..<colon]) else { return nil }
        address = .ip(host, port: port)
    }

    /// What follows `unix:`, or begins with an at sign, or with dots and a slash. Only a name in the abstract namespace has zeros.
    private static func path(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        let isMarked = bytes.starts(with: "unix:".utf8)
        let path = isMarked ? bytes[5...] : bytes[...]
        let isAbstract = path.first == UInt8(ascii: "@")
        let isFile = path.drop { $0 == UInt8(ascii: ".") }.first == UInt8(ascii: "/")
        return (isMarked || isAbstract || isFile) && (isAbstract || !path.contains(0)) ? path : nil
    }

    private static func number<Number: FixedWidthInteger>(_ digits: ArraySlice<UInt8>) -> Number? {
        guard !digits.isEmpty else { return nil }
        var number: Number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            let sum = tens.addingReportingOverflow(Number(digit - UInt8(ascii: "0")))
            guard !overflow && !sum.overflow else { return nil }
            number = sum.partialValue
        }
        return number
    }

    /// Four numbers, of which none begins with a zero, unless it is one.
    private static func ipv4(_ host: ArraySlice<UInt8>) -> IPAddress? {
        let parts = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard part.first != UInt8(ascii: "0") || part.count == 1 else { return nil }
            guard let number: UInt8 = number(part) else { return nil }
            address = address << 8 | UInt32(number)
        }
        return IPAddress(ipv4: address)
    }

    private static func ipv6(_ host: ArraySlice<UInt8>) -> IPAddress? {
        guard host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") else { return nil }
        let parts = host.dropFirst().dropLast()
            .split(separator: UInt8(ascii: "%"), maxSplits: 1, omittingEmptySubsequences: false)
        var address: UInt128 = 0
        guard inet_pton(AF_INET6, zeroTerminated(parts[0]), &address) == 1 else { return nil }
        guard parts.count == 2 else { return IPAddress(ipv6: address.byteSwapped) }
        return zone(parts[1]).map { IPAddress(ipv6: address.byteSwapped, zone: $0) }
    }

    /// An interface's name or, where it is none, a number that does not begin with a zero.
    private static func zone(_ zone: ArraySlice<UInt8>) -> UInt32? {
        let scope = if_nametoindex(zeroTerminated(zone))
        guard scope == 0 else { return scope }
        guard let first = zone.first, first != UInt8(ascii: "0") else { return nil }
        return number(zone)
    }

    private static func zeroTerminated(_ bytes: ArraySlice<UInt8>) -> [CChar] {
        bytes.map { CChar(bitPattern: $0) } + [0]
    }
}
