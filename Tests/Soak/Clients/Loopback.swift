internal import Glibc

/// Addresses on 127.0.0.1.
enum Loopback {
    static func withAddress<Result>(
        _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafeBytes(of: address) {
            body($0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
    }

    static func localPort(of descriptor: Int32) -> UInt16 {
        port { getsockname(descriptor, $0, $1) }
    }

    static func peerPort(of descriptor: Int32) -> UInt16 {
        port { getpeername(descriptor, $0, $1) }
    }

    private static func port(
        _ ask: (UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutableBytes(of: &address) {
            ask($0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
