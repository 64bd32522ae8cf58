import Glibc
import LoopbackClient
import Measuring

/// Where to connect to: a host and a port, looked up once.
struct TargetAddress: CustomStringConvertible, Sendable {
    let description: String
    let bytes: [UInt8]
    let family: Int32

    /// Written `127.0.0.1:7777`, `[::1]:7777` or `host.example:80`; of several addresses, the first.
    init(_ text: String) throws {
        self = try Self.all(text)[0]
    }

    /// All addresses of a host, at a port, in the order in which they are to be tried.
    static func all(_ text: String) throws -> [TargetAddress] {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw Failure("not a host and port, such as 127.0.0.1:7777 or [::1]:7777: '\(text)'")
        }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }

        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(String(host), String(port), &hints, &found)
        guard error == 0, let found else {
            throw Failure("\(host): \(error == 0 ? "has no address" : String(cString: gai_strerror(error)))")
        }
        defer { freeaddrinfo(found) }
        return sequence(first: found, next: \.pointee.ai_next).map { TargetAddress(text, $0.pointee) }
    }

    private init(_ text: String, _ found: addrinfo) {
        family = found.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: found.ai_addr, count: Int(found.ai_addrlen)))
        let number = Self.number(found)
        description = text == number ? text : "\(number) (\(text))"
    }

    private static func number(_ found: addrinfo) -> String {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let flags = NI_NUMERICHOST | NI_NUMERICSERV
        getnameinfo(
            found.ai_addr,
            found.ai_addrlen,
            &host,
            socklen_t(host.count),
            &port,
            socklen_t(port.count),
            flags
        )
        let texts = [host, port].map { text in
            String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        return found.ai_family == AF_INET6 ? "[\(texts[0])]:\(texts[1])" : "\(texts[0]):\(texts[1])"
    }

    static func loopback(port: UInt16) throws -> TargetAddress {
        try TargetAddress("127.0.0.1:\(port)")
    }

    var port: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

    /// In 127.0.0.0/8, every address of which is this machine's.
    var isLoopback: Bool { family == AF_INET && bytes[4] == 127 }
}
