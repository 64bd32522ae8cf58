import Glibc

/// Which CPU the servers run on, and which one their clients.
///
/// It goes through `taskset`, because the Glibc module has no `sched_setaffinity`.
package struct Placement {
    package let servers: Int
    package let clients: Int

    /// Nil where this process has only one CPU.
    package static func ofThisProcess() throws -> Placement? {
        let field = "Cpus_allowed_list:"
        let lines = try textOfFile("/proc/self/status").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix(field) }) else { return nil }
        let allowed = line.dropFirst(field.count).split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        guard let first = allowed.first, let last = allowed.last, first != last else { return nil }
        return Placement(servers: first, clients: last)
    }

    package static func describe(_ placement: Placement?) -> String {
        guard let placement else { return "not pinned: there is only one CPU" }
        return "servers on CPU \(placement.servers), clients on CPU \(placement.clients)"
    }

    package func onServerCPU(_ command: [String]) -> [String] {
        ["taskset", "--cpu-list", "\(servers)"] + command
    }

    /// Pins this process, which is the one that opens the connections.
    package func pinClients() throws {
        try ChildProcess(["taskset", "--cpu-list", "--pid", "\(clients)", "\(getpid())"]).waitUntilSuccessful()
    }
}
