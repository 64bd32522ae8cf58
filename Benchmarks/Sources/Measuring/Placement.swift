internal import Glibc

/// Which CPU the servers run on, and which ones their clients: never the same, so that neither takes the other's time.
///
/// It goes through `taskset`, because the Glibc module has no `sched_setaffinity`.
package struct Placement: Equatable, Sendable {
    package let server: Int
    package let clients: [Int]

    /// Nil where this process has only one CPU.
    package static func ofThisProcess() throws -> Placement? {
        let field = "Cpus_allowed_list:"
        let lines = try textOfFile("/proc/self/status").split(separator: "\n")
        return lines.first { $0.hasPrefix(field) }.flatMap { Placement(allowed: $0.dropFirst(field.count)) }
    }

    /// The server gets the first CPU, its clients the others; nil if there is only one.
    ///
    /// - Parameter allowed: a list as the kernel writes it, such as `0-2,5`.
    init?(allowed: some StringProtocol) {
        let allowed = allowed.split(separator: ",").flatMap { range -> [Int] in
            let ends = range.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last else { return [] }
            return Array(first...last)
        }
        guard let first = allowed.first, allowed.count > 1 else { return nil }
        server = first
        clients = Array(allowed.dropFirst())
    }

    package static func describe(_ placement: Placement?) -> String {
        guard let placement else { return "not pinned: there is only one CPU" }
        let clients = (placement.clients.count == 1 ? "CPU " : "CPUs ") + placement.clientList
        return "servers on CPU \(placement.server), clients on \(clients)"
    }

    package func onServerCPU(_ command: [String]) -> [String] {
        ["taskset", "--cpu-list", "\(server)"] + command
    }

    /// Pins this process, which opens the connections. Threads made from now on inherit it.
    package func pinClients() throws {
        try ChildProcess(["taskset", "--cpu-list", "--pid", clientList, "\(getpid())"]).waitUntilSuccessful()
    }

    private var clientList: String { clients.map(String.init).joined(separator: ",") }
}
