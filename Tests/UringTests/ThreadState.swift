// What the kernel says of the thread that made this, for other threads to ask.

import Glibc

struct ThreadState: Sendable {
    private let path: String

    init() throws {
        var bytes = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/thread-self", &bytes, bytes.count - 1)
        try check("readlink", Int32(count))
        path = "/proc/\(String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self))/stat"
    }

    /// Whether it sleeps in a system call.
    var isAsleep: Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(file, &bytes, bytes.count)
        guard count > 0, let end = bytes.prefix(count).lastIndex(of: UInt8(ascii: ")")) else { return false }
        return bytes[end + 2] == UInt8(ascii: "S")
    }
}
