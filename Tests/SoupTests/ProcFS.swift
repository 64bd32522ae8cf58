// What the kernel tells about a process, and about listen sockets, under /proc.

@preconcurrency import Glibc

enum ProcFS {
    /// The descriptors of a process, each with what it refers to.
    static func descriptors(of pid: pid_t) throws -> [Int: String] {
        var descriptors: [Int: String] = [:]
        for name in try entries("/proc/\(pid)/fd") {
            // One that was closed a moment ago counts as one: the caller compares, and asks again.
            descriptors[Int(name) ?? -1] = (try? link("/proc/\(pid)/fd/\(name)")) ?? "closed"
        }
        return descriptors
    }

    /// The names of its threads, those the kernel started for it included.
    static func threadNames(of pid: pid_t) throws -> [String] {
        try entries("/proc/\(pid)/task").map { try text("/proc/\(pid)/task/\($0)/comm").filter { $0 != "\n" } }
    }

    /// Whether no thread of a server runs, nor of the kernel for its ring. A sanitizer's thread has the name of the process.
    static func hasOnlyOwnThreads(_ pid: pid_t) throws -> Bool { Set(try threadNames(of: pid)).count == 1 }

    /// The numbers of its threads, those the kernel started for it included.
    static func threads(of pid: pid_t) throws -> Set<String> { Set(try entries("/proc/\(pid)/task")) }

    /// A line of its status, without its name: `0000000000000000` for `SigCgt`.
    static func status(_ name: String, of pid: pid_t) throws -> String {
        for line in try text("/proc/\(pid)/status").split(separator: "\n") where line.hasPrefix(name + ":") {
            return String(line.dropFirst(name.count + 1).drop(while: \.isWhitespace))
        }
        throw Failure("process \(pid) has no \(name)")
    }

    /// The letter of its state: `R`, `S`, `T` when it is stopped.
    static func state(of pid: pid_t) throws -> Character {
        try state(ofThread: String(pid), of: pid)
    }

    static func state(ofThread thread: String, of pid: pid_t) throws -> Character {
        let stat = try text("/proc/\(pid)/task/\(thread)/stat")
        guard let end = stat.lastIndex(of: ")"), let state = stat[end...].dropFirst(2).first else {
            throw Failure("process \(pid) has no state: \(stat)")
        }
        return state
    }

    /// How many connections wait to be accepted on an IPv4 address.
    static func queueLength(at address: Address) throws -> Int {
        let port = String(address.port, radix: 16, uppercase: true)
        let local = "0100007F:" + String(repeating: "0", count: 4 - port.count) + port
        // The table changes while it is read, and then a line may be missing.
        for _ in 1...5 {
            // The listen sockets come first, perhaps thousands of somebody else's; most in TIME_WAIT need not be read.
            for line in try text("/proc/net/tcp", limit: 1 << 20).split(separator: "\n") {
                let fields = line.split(separator: " ")
                guard fields.count > 4, fields[1] == local, fields[3] == "0A" else { continue }
                return Int(fields[4].suffix(8), radix: 16) ?? -1
            }
        }
        throw Failure("nothing listens on \(address)")
    }

    static func link(_ path: String) throws -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { readlink(path, $0.baseAddress!, $0.count) }
        }
        guard count >= 0 else { throw Failure(call: "readlink \(path)") }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    static func text(_ path: String, limit: Int = 1 << 20) throws -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(call: "open \(path)") }
        defer { close(file) }
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        while text.count < limit {
            let count = read(file, &bytes, bytes.count)
            guard count >= 0 else { throw Failure(call: "read \(path)") }
            guard count > 0 else { break }
            text += bytes.prefix(count)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func entries(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw Failure(call: "opendir \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
