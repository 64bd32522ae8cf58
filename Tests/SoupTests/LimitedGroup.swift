// A control group with low limits, in either version of control groups.

@preconcurrency import Glibc

/// Owns groups below this process's own: one, or in version 1 one for each controller (`cgroups(7)`).
struct LimitedGroup: ~Copyable {
    private let folders: [String]

    /// Whether one can be made here.
    static let isAvailable = (try? LimitedGroup()) != nil

    /// Half a processor, 64 MiB, eight threads.
    init() throws {
        let files: [(controller: String, name: String, value: String)]
        let version1 = ["cpu", "memory", "pids"].compactMap { try? Self.folder($0) }
        if version1.count == 3 {
            files = [
                ("cpu", "cpu.cfs_period_us", "100000"), ("cpu", "cpu.cfs_quota_us", "50000"),
                ("memory", "memory.limit_in_bytes", "67108864"), ("pids", "pids.max", "8"),
            ]
        } else {
            files = [
                ("", "cpu.max", "50000 100000"), ("", "memory.max", "67108864"), ("", "pids.max", "8"),
            ]
        }
        var folders: [String] = []
        do {
            for (controller, name, value) in files {
                let folder = "\(try Self.folder(controller))/nb-server-limited-\(getpid())"
                if !folders.contains(folder) {
                    guard mkdir(folder, 0o755) == 0 else { throw Failure(call: "mkdir \(folder)") }
                    folders.append(folder)
                }
                try Self.write(value, to: "\(folder)/\(name)")
            }
        } catch {
            for folder in folders { rmdir(folder) }
            throw error
        }
        self.folders = folders
    }

    deinit { for folder in folders { rmdir(folder) } }

    /// A command in front of another that joins the group.
    func wrapper() throws -> [String] {
        let joining = folders.map { "echo $$ >\($0)/cgroup.procs" }.joined(separator: " && ")
        return [try program("sh"), "-c", "\(joining) && exec \"$0\" \"$@\""]
    }

    /// The folder of this process's group; an empty name is version 2.
    private static func folder(_ controller: String) throws -> String {
        let group = try group(controller)
        for line in try ProcFS.text("/proc/self/mounts").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[2] == (controller == "" ? "cgroup2" : "cgroup") else { continue }
            let options = fields[3].split(separator: ",")
            if controller == "" || options.contains(controller[...]) {
                return "\(fields[1])\(group == "/" ? "" : group)"
            }
        }
        throw Failure("no control group of \(controller) is mounted")
    }

    /// The path of this process's group.
    private static func group(_ controller: String) throws -> Substring {
        for line in try ProcFS.text("/proc/self/cgroup").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            if controller == "" ? fields[1] == "" : controllers.contains(controller[...]) { return fields[2] }
        }
        throw Failure("this process is in no control group of \(controller)")
    }

    private static func write(_ value: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(call: "open \(path)") }
        defer { close(file) }
        guard Glibc.write(file, value, value.utf8.count) == value.utf8.count else {
            throw Failure(call: "write \(path)")
        }
    }
}
