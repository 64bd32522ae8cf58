// What the sockets of the tests share: calls that fail as errors, and the options all of them have.

import Glibc

struct SystemCallFailed: Error {
    let call: String
    let errno: Int32
}

/// The result, unless it is the failure of a system call.
@discardableResult
func check(_ call: String, _ result: Int32) throws -> Int32 {
    guard result >= 0 else { throw SystemCallFailed(call: call, errno: errno) }
    return result
}

enum Loopback {
    /// A stream socket that child processes do not get.
    static func socket() throws -> Int32 {
        try check("socket", Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    }

    static func setOption<Value>(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Value) throws {
        try withUnsafeBytes(of: value) { bytes in
            _ = try check("setsockopt", setsockopt(descriptor, level, name, bytes.baseAddress, socklen_t(bytes.count)))
        }
    }

    /// Calls with 127.0.0.1 and a port.
    static func withAddress<Result>(
        family: Int32 = AF_INET,
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Result
    ) rethrows -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(family)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return try withUnsafePointer(to: address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                try body(raw, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The port on this side of a socket.
    static func localPort(_ descriptor: Int32) throws -> UInt16 {
        try port { getsockname(descriptor, $0, $1) }
    }

    /// The port on the other side of a socket.
    static func peerPort(_ descriptor: Int32) throws -> UInt16 {
        try port { getpeername(descriptor, $0, $1) }
    }

    private static func port(
        _ name: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                _ = try check("getsockname", name(raw, &length))
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
