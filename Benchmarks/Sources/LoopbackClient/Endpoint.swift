import Glibc

/// An IPv4 address and port, written `127.0.0.1:7777`.
package struct Endpoint: CustomStringConvertible {
    package let description: String
    package let port: UInt16
    private let address: in_addr

    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var address = in_addr()
        guard parts.count == 2, let port = UInt16(parts[1]), port > 0 else { return nil }
        guard inet_pton(AF_INET, String(parts[0]), &address) == 1 else { return nil }
        self.description = text
        self.port = port
        self.address = address
    }

    /// Calls `body` with the form that `connect` takes.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var socketAddress = sockaddr_in()
        socketAddress.sin_family = sa_family_t(AF_INET)
        socketAddress.sin_port = port.bigEndian
        socketAddress.sin_addr = address
        return withUnsafePointer(to: socketAddress) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
