import Glibc
import LoopbackClient
import Measuring

/// How much memory processes have in use.
enum Memory {
    /// Resident, in bytes.
    static func resident(_ processes: [pid_t]) throws -> Double {
        try processes.map { try kibibytes("/proc/\($0)/status", "VmRSS:") * 1024 }.reduce(0, +)
    }

    /// What the kernel keeps for sockets and files: it is not the server's by any counter, but it is there.
    static func kernel() throws -> Double {
        try kibibytes("/proc/meminfo", "Slab:") * 1024
    }

    static func available() throws -> Double {
        try kibibytes("/proc/meminfo", "MemAvailable:") * 1024
    }

    private static func kibibytes(_ path: String, _ field: String) throws -> Double {
        let line = try textOfFile(path).split(separator: "\n").first { $0.hasPrefix(field) }
        return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
    }
}
