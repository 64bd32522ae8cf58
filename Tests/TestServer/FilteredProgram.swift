@preconcurrency import Glibc

/// A program whose system calls go through a filter (`seccomp(2)`), as in a container: this process becomes it.
enum FilteredProgram {
    /// The argument with which this program becomes another. Behind it are the path of a file of instructions, as the kernel takes
    /// them (`struct sock_filter`), the other program's path and its arguments.
    static let role = "filtered"

    static func become(_ arguments: [String]) -> Never {
        guard arguments.count >= 2, var instructions = contents(of: arguments[0]) else {
            fail("no filter or no program")
        }
        let instructionSize = 8
        // Else only root may filter itself, and no program that is another user's would be one.
        guard control(38, 1) == 0 else { fail("PR_SET_NO_NEW_PRIVS") }
        var words = arguments.dropFirst().map { strdup($0) } + [nil]
        let result = instructions.withUnsafeMutableBytes { bytes in
            // `struct sock_fprog`: 16 bits of a count, and a pointer.
            var program = (
                count: UInt64(bytes.count / instructionSize), instructions: UInt64(UInt(bitPattern: bytes.baseAddress))
            )
            return withUnsafePointer(to: &program) { control(22, 2, UInt(bitPattern: $0)) }
        }
        guard result == 0 else { fail("PR_SET_SECCOMP") }
        execv(arguments[1], &words)
        fail(arguments[1])
    }

    private static func contents(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    /// `prctl(2)`, which has as many arguments as it likes.
    private static func control(_ request: Int32, _ first: UInt, _ second: UInt = 0) -> Int32 {
        typealias Function = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        return unsafeBitCast(dlsym(nil, "prctl"), to: Function.self)(request, first, second, 0, 0)
    }

    private static func fail(_ step: String) -> Never {
        fputs("filtered: \(step): \(String(cString: strerror(errno)))\n", stderr)
        exit(125)
    }
}
