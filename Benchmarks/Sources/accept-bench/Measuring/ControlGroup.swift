import Glibc
import Measuring

/// A control group (`cgroups(7)`, version 2) for some processes, to see what the kernel accounts of them alone.
///
/// A child of this process's own group. The processes are moved back, and the group removed, when it is let go.
struct ControlGroup: ~Copyable {
    private let parent: String
    private let path: String
    private let processes: [pid_t]

    /// - Throws: ``Failure`` where there are none, or this process may not make one.
    init(of processes: [pid_t]) throws {
        let parent = try Self.own()
        let path = "\(parent)/accept-bench-\(getpid())"
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw Failure(call: "mkdir \(path)") }
        do {
            for process in processes { try Self.move(process, to: path) }
        } catch {
            Self.remove(path, processes, parent)
            throw error
        }
        (self.parent, self.path, self.processes) = (parent, path, processes)
    }

    deinit { Self.remove(path, processes, parent) }

    private static func remove(_ path: String, _ processes: [pid_t], _ parent: String) {
        for process in processes { try? move(process, to: parent) }
        rmdir(path)
    }

    /// How long a process of the group has waited for I/O by now, in seconds: `io.pressure`.
    func secondsWaitingForIO() throws -> Double {
        let file = "\(path)/io.pressure"
        let some = try textOfFile(file).split(separator: "\n").first { $0.hasPrefix("some ") }
        guard let total = some?.split(separator: "=").last, let microseconds = Double(total) else {
            throw Failure("\(file): not understood")
        }
        return microseconds / 1e6
    }

    /// The folder of the group that this process is in.
    private static func own() throws -> String {
        let mounts = try textOfFile("/proc/self/mounts").split(separator: "\n").map { $0.split(separator: " ") }
        guard let mount = mounts.first(where: { $0.count > 2 && $0[2] == "cgroup2" }) else {
            throw Failure("no control groups of version 2 are mounted")
        }
        let line = try textOfFile("/proc/self/cgroup").split(separator: "\n").first { $0.hasPrefix("0::") }
        let group = (line?.dropFirst("0::".count)).map(String.init) ?? "/"
        return group == "/" ? String(mount[1]) : mount[1] + group
    }

    private static func move(_ process: pid_t, to path: String) throws {
        let file = open("\(path)/cgroup.procs", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(call: "\(path)/cgroup.procs") }
        defer { close(file) }
        let line = Array("\(process)\n".utf8)
        guard write(file, line, line.count) == line.count else { throw Failure(call: "\(path)/cgroup.procs") }
    }
}
