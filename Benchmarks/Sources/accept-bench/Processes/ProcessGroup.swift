import Glibc
import LoopbackClient
import Measuring

/// The processes of a group: a server and whatever it has started.
enum ProcessGroup {
    static func members(of group: pid_t) throws -> [pid_t] {
        try directory("/proc").filter { process in
            guard let fields = fields(of: "\(process)"), fields.count > 2 else { return false }
            return fields[2] == "\(group)" && fields[0] != "Z"
        }
    }

    /// Whether all of them are stopped, with all their threads: one stops after the other.
    static func isStopped(_ processes: [pid_t]) -> Bool {
        processes.allSatisfy { process in
            guard let threads = try? directory("/proc/\(process)/task"), !threads.isEmpty else { return false }
            return threads.allSatisfy { fields(of: "\(process)/task/\($0)")?.first == "T" }
        }
    }

    /// Of a `stat` file below `/proc`, those behind the name, which may have blanks in it: state, parent, group, and so on.
    private static func fields(of process: String) -> [Substring]? {
        guard let text = try? textOfFile("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ", maxSplits: 4)
    }

    /// The entries whose names are numbers.
    static func directory(_ path: String) throws -> [pid_t] {
        guard let directory = opendir(path) else { throw Failure(call: path) }
        defer { closedir(directory) }
        var numbers: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix(while: { $0 != 0 }), as: UTF8.self)
            }
            if let number = pid_t(name) { numbers.append(number) }
        }
        return numbers
    }
}
