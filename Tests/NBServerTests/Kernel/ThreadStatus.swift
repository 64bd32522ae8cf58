import Glibc

/// What the kernel knows of the thread that made this value. Any thread may read it, also when no descriptor is left.
final class ThreadStatus: Sendable {
    private let descriptor = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC)

    deinit {
        close(descriptor)
    }

    /// How often the thread has gone to sleep; 0 when it has ended.
    var sleeps: Int {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
        let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        let line = lines.first { $0.hasPrefix("voluntary_ctxt_switches:") }
        return line?.split(separator: "\t").last.flatMap { Int($0) } ?? 0
    }
}
