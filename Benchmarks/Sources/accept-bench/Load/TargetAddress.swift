import Glibc
import LoopbackClient
import Measuring

/// Where to connect to: a host and a port, looked up once.
struct TargetAddress: CustomStringConvertible, Sendable {
    let description: String
    let bytes: [UInt8]
    let family: Int32

    /// Written `127.0.0.1:7777`, `[::1]:7777` or `host.example:80`.
    init(_ text: String) throws {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw Failure("not a host and port, such as 127.0.0.1:7777 or [::1]:7777: '\(text)'")
        }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") { host = host.dropFirst().dropLast() }

        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let error = getaddrinfo(String(host), String(port), &hints, &found)
        guard error == 0, let first = found else {
            throw Failure("\(host): \(error == 0 ? "has no address" : String(cString: gai_strerror(error)))")
        }
        defer { freeaddrinfo(found) }
        description = text
        family = first.pointee.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
    }

    static func loopback(port: UInt16) throws -> TargetAddress {
        try TargetAddress("127.0.0.1:\(port)")
    }

    var port: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

    /// In 127.0.0.0/8, every address of which is this machine's.
    var isLoopback: Bool { family == AF_INET && bytes[4] == 127 }
}
