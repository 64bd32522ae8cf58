internal import Glibc
internal import Measuring

/// What a process has, as the kernel tells it: descriptors, threads, memory.
struct ProcessStatus {
    let descriptors: Int
    let threads: Int

    init(of process: pid_t) throws {
        descriptors = try SystemFile.names(in: "/proc/\(process)/fd").count
        threads = try SystemFile.names(in: "/proc/\(process)/task").count
    }

    /// How many descriptors of which kind it has.
    static func descriptorKinds(of process: pid_t) throws -> [String: Int] {
        let kinds = try SystemFile.names(in: "/proc/\(process)/fd").map { name in
            let target = SystemFile.link("/proc/\(process)/fd/\(name)") ?? "closed"
            if target.hasPrefix("socket:") { return "socket" }
            return target.hasPrefix("pipe:") ? "pipe" : target
        }
        return Dictionary(kinds.map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// Its resident memory in bytes.
    static func residentMemory(of process: pid_t) throws -> Int {
        for line in try textOfFile("/proc/\(process)/status").split(separator: "\n") where line.hasPrefix("VmRSS:") {
            if let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) {
                return kibibytes << 10
            }
        }
        throw Failure("/proc/\(process)/status does not tell the resident memory")
    }
}
