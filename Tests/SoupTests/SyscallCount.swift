// strace, attached to a soup that serves, counting its system calls.

@preconcurrency import Glibc

struct SyscallCount: ~Copyable {
    /// What poll(3) of the C library calls.
    #if arch(x86_64)
    static let poll = "poll"
    #else
    static let poll = "ppoll"
    #endif

    private var strace: Child

    /// Attaches to a process and all its threads: `strace -f -c -p`.
    init(of pid: pid_t) throws {
        let child = try Child([try program("strace"), "-f", "-c", "-p", String(pid)])
        try wait(for: "strace attaches to soup") { child.errors.contains("Process \(pid) attached") }
        strace = child
    }

    /// Detaches; how often each system call was made. One that soup waits in just now is none yet.
    consuming func finish() throws -> [String: Int] {
        strace.signal(SIGINT)
        _ = try strace.wait()
        var counts: [String: Int] = [:]
        // % time, seconds, microseconds per call, calls, errors if there are any, name
        for line in strace.errors.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 5, let calls = Int(fields[3]), let name = fields.last else { continue }
            counts[String(name)] = calls
        }
        guard counts.removeValue(forKey: "total") != nil else { throw Failure("no summary: \(strace.errors)") }
        return counts
    }
}
