internal import Measuring

/// What the kernel has counted in this network.
struct NetworkStatistics {
    /// Connections that a full accept queue turned away.
    var overflows = 0
    /// Connections a listener dropped for that or any other reason.
    var drops = 0
    /// Connections whose client reset them when it knew of them, and the listener did not yet: the reset overtook the
    /// last acknowledgement of the handshake. No server can accept these.
    var embryonicResets = 0

    static func now() throws -> NetworkStatistics {
        // Pairs of lines, the names and the values.
        let lines = try textOfFile("/proc/net/netstat").split(separator: "\n").filter { $0.hasPrefix("TcpExt:") }
        guard lines.count == 2 else { throw Failure("/proc/net/netstat has no TcpExt") }
        let values = zip(lines[0].split(separator: " "), lines[1].split(separator: " "))
        let counts = Dictionary(values.map { ($0, Int($1) ?? 0) }, uniquingKeysWith: +)
        return NetworkStatistics(
            overflows: counts["ListenOverflows"] ?? 0,
            drops: counts["ListenDrops"] ?? 0,
            embryonicResets: counts["EmbryonicRsts"] ?? 0
        )
    }

    static func - (later: NetworkStatistics, earlier: NetworkStatistics) -> NetworkStatistics {
        NetworkStatistics(
            overflows: later.overflows - earlier.overflows,
            drops: later.drops - earlier.drops,
            embryonicResets: later.embryonicResets - earlier.embryonicResets
        )
    }
}
