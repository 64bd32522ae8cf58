internal import Glibc

/// Which CPUs the servers run on, and which ones their clients: never the same, so that neither takes the other's time, unless the servers
/// have all of them.
///
/// It goes through `taskset`, because the Glibc module has no `sched_setaffinity`.
package struct Placement: Equatable, Sendable {
    package let servers: [Int]
    package let clients: [Int]

    /// Nil where this process has only one CPU. The servers are to have so many.
    package static func ofThisProcess(servers count: Int = 1) throws -> Placement? {
        let field = "Cpus_allowed_list:"
        let lines = try textOfFile("/proc/self/status").split(separator: "\n")
        return lines.first { $0.hasPrefix(field) }.flatMap {
            Placement(allowed: $0.dropFirst(field.count), servers: count)
        }
    }

    /// The server gets the first CPU, or the first ones, its clients the others, or all if there are no others; nil if there is only one.
    ///
    /// - Parameters:
    ///   - allowed: a list as the kernel writes it, such as `0-2,5`.
    ///   - count: how many CPUs the servers are to have.
    init?(allowed: some StringProtocol, servers count: Int = 1) {
        let allowed = allowed.split(separator: ",").flatMap { range -> [Int] in
            let ends = range.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last else { return [] }
            return Array(first...last)
        }
        guard allowed.count > 1 else { return nil }
        servers = Array(allowed.prefix(count))
        let others = Array(allowed.dropFirst(count))
        clients = others.isEmpty ? allowed : others
    }

    /// Servers and clients have CPUs in common.
    package var isShared: Bool { !Set(servers).isDisjoint(with: clients) }

    package static func describe(_ placement: Placement?) -> String {
        guard let placement else { return "not pinned: there is only one CPU" }
        let words = [placement.servers, placement.clients].map { ($0.count == 1 ? "CPU " : "CPUs ") + list($0) }
        return "servers on \(words[0]), clients on \(placement.isShared ? "the same" : words[1])"
    }

    package func onServerCPU(_ command: [String]) -> [String] {
        ["taskset", "--cpu-list", Self.list(servers)] + command
    }

    /// Pins this process, which opens the connections. Threads made from now on inherit it.
    package func pinClients() throws {
        try ChildProcess(["taskset", "--cpu-list", "--pid", Self.list(clients), "\(getpid())"]).waitUntilSuccessful()
    }

    private static func list(_ processors: [Int]) -> String { processors.map(String.init).joined(separator: ",") }
}
