import Glibc
import LoopbackClient
import Measuring

/// Ports for servers.
///
/// They lie below those that the kernel gives to clients and to whoever asks for any port.
enum UnusedPort {
    private static let lowest = 10_240
    nonisolated(unsafe) private static var next = lowest + Int(getpid()) * 97 % 8192

    /// The first of so many ports in a row that nobody listens on, at this IPv4 address. Main thread only.
    static func find(_ count: Int, of host: String) throws -> UInt16 {
        if let objection = try objection(to: count) { throw Failure(objection) }
        let highest = try lowestOfClients() - count
        for _ in 0..<1000 {
            if next > highest { next = lowest }
            let first = next
            next += count
            if (first..<first + count).allSatisfy({ isFree(UInt16($0), of: host) }) { return UInt16(first) }
        }
        throw Failure("there are no \(count) unused ports in a row from \(lowest) to \(highest)")
    }

    /// Why there cannot be so many, and what to change; nil if there can.
    static func objection(to count: Int) throws -> String? {
        let available = try lowestOfClients() - lowest
        guard count > available else { return nil }
        return """
            too few ports for servers: \(count) are needed, and \(max(0, available)) lie between \(lowest) and the first that the \
            kernel gives to clients. Have it begin higher (as root: sysctl net.ipv4.ip_local_port_range="32768 60999"), or ask \
            for fewer with --listeners
            """
    }

    private static func lowestOfClients() throws -> Int {
        let path = "/proc/sys/net/ipv4/ip_local_port_range"
        let range = try textOfFile(path).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard let lowest = range.first else { throw Failure("\(path): not understood") }
        return lowest
    }

    private static func isFree(_ port: UInt16, of host: String) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return false }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(socket, 1) == 0
            }
        }
    }
}
