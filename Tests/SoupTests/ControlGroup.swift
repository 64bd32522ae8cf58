// A control group of the test's own, to see what the kernel accounts of one process.

@preconcurrency import Glibc

/// Owns a child of this process's control group (`cgroups(7)`, version 2); the group is gone when its owner is, if its processes
/// are.
struct ControlGroup: ~Copyable {
    private let path: String

    /// Whether one can be made here, and says what waits for I/O.
    static let isAvailable = (try? ControlGroup(name: "available").waitedForIO()) != nil

    init(name: String) throws {
        let path = "\(try Self.parent())/nb-server-\(name)-\(getpid())"
        guard mkdir(path, 0o755) == 0 else { throw Failure(call: "mkdir \(path)") }
        self.path = path
    }

    deinit { rmdir(path) }

    private static func parent() throws -> String {
        for line in try ProcFS.text("/proc/self/mounts").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[2] == "cgroup2" else { continue }
            let own = try ProcFS.text("/proc/self/cgroup").split(separator: "\n").first { $0.hasPrefix("0::") }
            let parent = "\(fields[1])\(own?.dropFirst(3) ?? "")"
            return parent.hasSuffix("/") ? String(parent.dropLast()) : parent
        }
        throw Failure("no control groups of version 2 are mounted")
    }

    /// Moves a process here.
    func add(_ pid: pid_t) throws {
        let file = open("\(path)/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(call: "open cgroup.procs") }
        defer { close(file) }
        let line = Array("\(pid)\n".utf8)
        guard write(file, line, line.count) == line.count else { throw Failure(call: "write cgroup.procs") }
    }

    /// How long processes of this group have waited for I/O: `io.pressure`.
    func waitedForIO() throws -> Duration {
        let some = try ProcFS.text("\(path)/io.pressure").split(separator: "\n").first { $0.hasPrefix("some ") }
        guard let total = some?.split(separator: "=").last, let microseconds = Int64(total) else {
            throw Failure("io.pressure has no total")
        }
        return .microseconds(microseconds)
    }
}
