import Glibc

/// What the threads of this process are called.
enum ThreadNames {
    /// The calling thread's.
    static var own: String { name("/proc/thread-self/comm") }

    /// Those of all that live, in no order.
    static var ofProcess: [String] {
        guard let directory = opendir("/proc/self/task") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let number = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if number.first != "." { names.append(name("/proc/self/task/\(number)/comm")) }
        }
        return names
    }

    /// The name in a file of the kernel's; empty when the thread is gone.
    private static func name(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = max(0, read(descriptor, &bytes, bytes.count))
        return String(decoding: bytes[..<count].prefix { $0 != 10 }, as: UTF8.self)
    }
}
