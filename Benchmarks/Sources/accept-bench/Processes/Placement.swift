import Glibc
import LoopbackClient
import Measuring

/// Which CPU the servers run on, and which ones their clients: never the same, so that neither takes the other's time.
///
/// It goes through `taskset`, because the Glibc module has no `sched_setaffinity`.
struct Placement: Sendable {
    let server: Int
    let clients: [Int]

    /// Nil where this process has only one CPU.
    static func ofThisProcess() throws -> Placement? {
        let field = "Cpus_allowed_list:"
        let lines = try textOfFile("/proc/self/status").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix(field) }) else { return nil }
        let allowed = line.dropFirst(field.count).split(separator: ",").flatMap { range -> [Int] in
            let ends = range.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last else { return [] }
            return Array(first...last)
        }
        guard let first = allowed.first, allowed.count > 1 else { return nil }
        return Placement(server: first, clients: Array(allowed.dropFirst()))
    }

    static func describe(_ placement: Placement?) -> String {
        guard let placement else { return "not pinned: there is only one CPU" }
        return "servers on CPU \(placement.server), clients on \(list(placement.clients))"
    }

    func onServerCPU(_ command: [String]) -> [String] {
        ["taskset", "--cpu-list", "\(server)"] + command
    }

    /// Pins this process, whose threads made from now on inherit it.
    func pinClients() throws {
        let list = Self.list(clients).split(separator: " ").last.map(String.init) ?? ""
        try ChildProcess(["taskset", "--cpu-list", "--pid", list, "\(getpid())"]).waitUntilSuccessful()
    }

    private static func list(_ numbers: [Int]) -> String {
        let text = numbers.map(String.init).joined(separator: ",")
        return (numbers.count == 1 ? "CPU " : "CPUs ") + text
    }
}
