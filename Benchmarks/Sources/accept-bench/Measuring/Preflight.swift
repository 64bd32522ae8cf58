import Glibc
import LoopbackClient
import Measuring

/// Says before a run what the system will not allow, and what to change.
enum Preflight {
    /// What a process holds besides its connections, generously.
    private static let otherDescriptors = 64
    /// What a connection costs the kernel and both programs at the most, idle, both ends together.
    private static let bytesPerConnection = 24.0 * 1024

    /// Fails with everything that is in the way.
    ///
    /// - Parameters:
    ///   - connections: how many there are at a time at the most.
    ///   - backlog: how many wait to be accepted at the most.
    ///   - listeners: how many ports a server listens on at the most.
    ///   - sources: the addresses connections come from.
    /// - Throws: ``Failure``, with what to change about each.
    static func check(connections: Int, backlog: Int, listeners: Int, sources: SourceAddresses) throws {
        let complaints = [
            try descriptors(max(connections, backlog) + listeners),
            try queue(backlog),
            try ports(max(connections, backlog), sources),
            try UnusedPort.objection(to: listeners),
            try memory(max(connections, backlog)),
        ].compactMap(\.self)
        guard complaints.isEmpty else { throw Failure(complaints.joined(separator: "\n")) }
    }

    /// Raises the soft limit to the hard one; children inherit it.
    static func raiseDescriptorLimit() throws -> Int {
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(descriptors, &limit) == 0 else { throw Failure(call: "getrlimit") }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(descriptors, &limit) == 0 else { throw Failure(call: "setrlimit") }
        return Int(clamping: limit.rlim_cur)
    }

    private static func descriptors(_ count: Int) throws -> String? {
        let limit = try raiseDescriptorLimit()
        let needed = count + otherDescriptors
        guard needed > limit else { return nil }
        return """
            too few descriptors: \(needed) are needed, and the hard limit is \(limit). Raise it (as root: ulimit -Hn \
            \(needed); for good: /etc/security/limits.conf, LimitNOFILE= of systemd), or ask for fewer with --clients, \
            --connections or --listeners
            """
    }

    private static func queue(_ backlog: Int) throws -> String? {
        let longest = try number("/proc/sys/net/core/somaxconn")
        guard backlog > longest else { return nil }
        return """
            \(backlog) connections cannot wait at once: net.core.somaxconn is \(longest). Raise it (as root: sysctl \
            net.core.somaxconn=\(backlog)), or ask for fewer with --connections
            """
    }

    private static func ports(_ connections: Int, _ sources: SourceAddresses) throws -> String? {
        let path = "/proc/sys/net/ipv4/ip_local_port_range"
        let range = try textOfFile(path).split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard range.count == 2 else { throw Failure("\(path): not understood") }
        let available = (range[1] - range[0] + 1) * max(1, sources.count)
        guard connections > available * 9 / 10 else { return nil }
        return """
            too few ports: \(connections) connections at a time, and \(available) ports for them. Widen the range (as root: \
            sysctl net.ipv4.ip_local_port_range="1024 65535"), or ask for fewer with --connections
            """
    }

    private static func memory(_ connections: Int) throws -> String? {
        let needed = Double(connections) * bytesPerConnection
        let available = try Memory.available()
        guard needed > available * 0.8 else { return nil }
        let mebibytes = 1024.0 * 1024
        return """
            too little memory: \(connections) connections may take \((needed / mebibytes).fixed(0)) MiB, and \
            \((available / mebibytes).fixed(0)) MiB are available. Ask for fewer with --connections
            """
    }

    private static func number(_ path: String) throws -> Int {
        Int(try textOfFile(path).filter(\.isNumber)) ?? 0
    }
}
