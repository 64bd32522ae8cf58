import Glibc

/// The time a process has spent on a CPU, summed over the threads it has now.
package struct CPUTime: Equatable {
    package let nanoseconds: UInt64

    package init(of process: pid_t) throws {
        var nanoseconds: UInt64 = 0
        for thread in try Self.threads(of: process) {
            let path = "/proc/\(process)/task/\(thread)/schedstat"
            guard let time = try textOfFile(path).split(separator: " ").first.flatMap({ UInt64($0) }) else {
                throw Failure("\(path): not understood")
            }
            nanoseconds += time
        }
        self.nanoseconds = nanoseconds
    }

    package func microseconds(since earlier: CPUTime) throws -> Double {
        guard nanoseconds >= earlier.nanoseconds else {
            throw Failure("a thread ended and took its CPU time with it")
        }
        return Double(nanoseconds - earlier.nanoseconds) / 1000
    }

    private static func threads(of process: pid_t) throws -> [Int] {
        let path = "/proc/\(process)/task"
        guard let directory = opendir(path) else { throw Failure(call: path) }
        defer { closedir(directory) }
        var threads: [Int] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix(while: { $0 != 0 }), as: UTF8.self)
            }
            if let thread = Int(name) { threads.append(thread) }
        }
        return threads
    }
}
