// A filter of system calls in a file: the program of the kernel's that `test-server filtered` puts before another program.

@preconcurrency import Glibc

/// Owns the file. Rules are tried in their order.
struct SystemCallFilter: ~Copyable {
    /// What an argument of a call has to be, in the bits of a mask.
    struct Argument {
        var index: UInt32
        var mask: UInt64
        var value: UInt64
    }

    struct Rule {
        var number: UInt32
        var arguments: [Argument] = []
        /// The error that the call ends with; `nil` if the kernel carries it out.
        var errno: UInt32?
    }

    private let file: TemporaryFile

    var path: String { file.path }

    /// Writes the file. A call that no rule is about ends with an error, or is carried out if that is `nil`.
    init(_ rules: [Rule], otherwise errno: UInt32?) throws {
        var program = Program()
        program.expectArchitecture()
        for rule in rules { program.add(rule) }
        program.end(with: errno)
        file = try Self.file(of: program.instructions)
    }

    private static func file(of instructions: [UInt64]) throws -> TemporaryFile {
        let file = try TemporaryFile()
        let descriptor = open(file.path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(call: "open \(file.path)") }
        defer { close(descriptor) }
        let size = instructions.count * 8
        guard write(descriptor, instructions, size) == size else { throw Failure(call: "write \(file.path)") }
        return file
    }

    /// A filter that refuses some calls and lets all others be.
    static func refusing(_ names: [String], with errno: Int32) throws -> SystemCallFilter {
        let numbers = try numbers()
        return try SystemCallFilter(
            names.map { Rule(number: try number($0, numbers), errno: UInt32(errno)) },
            otherwise: nil
        )
    }

    private static func number(_ name: String, _ numbers: [String: UInt32]) throws -> UInt32 {
        guard let number = numbers[name] else { throw Failure("there is no system call \(name)") }
        return number
    }

    /// The numbers of this architecture's system calls, as the C compiler's headers have them.
    static func numbers() throws -> [String: UInt32] {
        let gcc = try EndedProgram([
            try program("gcc"), "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null",
        ])
        guard gcc.ending == .exited(0) else { throw Failure("gcc: \(gcc.errors)") }
        let prefix = "#define __NR"
        var texts: [Substring: Substring] = [:]
        for line in gcc.output.split(separator: "\n") where line.hasPrefix(prefix) {
            let words = line.split(separator: " ")
            if words.count == 3 { texts[words[1]] = words[2] }
        }
        var numbers: [String: UInt32] = [:]
        for (name, text) in texts where name.hasPrefix("__NR_") {
            // Some are defined as others: `__NR_fcntl` as `__NR3264_fcntl`.
            numbers[String(name.dropFirst(5))] = UInt32(text) ?? texts[text].flatMap { UInt32($0) }
        }
        guard numbers["io_uring_setup"] == 425 else {
            throw Failure("gcc knows no system calls: \(gcc.output.prefix(200))")
        }
        return numbers
    }
}

extension SystemCallFilter {
    /// Instructions of `struct sock_filter` (linux/filter.h) for `struct seccomp_data` (linux/seccomp.h), as 64 bits each: the code,
    /// two distances of jumps, a number. Both architectures that are known here store the lowest byte first.
    private struct Program {
        private(set) var instructions: [UInt64] = []

        private static let load: UInt64 = 0x20
        private static let and: UInt64 = 0x54
        private static let jumpIfEqual: UInt64 = 0x15
        private static let jumpIfAtLeast: UInt64 = 0x35
        private static let end: UInt64 = 0x06

        private mutating func add(_ code: UInt64, _ number: UInt32, yes: Int = 0, no: Int = 0) {
            instructions.append(code | UInt64(yes) << 16 | UInt64(no) << 24 | UInt64(number) << 32)
        }

        /// A call through another architecture's table has another number, and is no call that a rule is about.
        mutating func expectArchitecture() {
            #if arch(x86_64)
            let architecture: UInt32 = 0xc000_003e
            #else
            let architecture: UInt32 = 0xc000_00b7
            #endif
            add(Self.load, 4)
            add(Self.jumpIfEqual, architecture, yes: 1)
            end(with: UInt32(ENOSYS))
            add(Self.load, 0)
            // The bit of x32, which has the architecture of x86-64.
            add(Self.jumpIfAtLeast, 0x4000_0000, no: 1)
            end(with: UInt32(ENOSYS))
        }

        mutating func add(_ rule: Rule) {
            let perArgument = 6
            let toNext = rule.arguments.isEmpty ? 1 : rule.arguments.count * perArgument + 2
            add(Self.jumpIfEqual, rule.number, no: toNext)
            for (place, argument) in rule.arguments.enumerated() {
                let offset = 16 + 8 * argument.index
                let left = (rule.arguments.count - place) * perArgument
                add(Self.load, offset)
                add(Self.and, UInt32(truncatingIfNeeded: argument.mask))
                add(Self.jumpIfEqual, UInt32(truncatingIfNeeded: argument.value), no: left - 2)
                add(Self.load, offset + 4)
                add(Self.and, UInt32(truncatingIfNeeded: argument.mask >> 32))
                add(Self.jumpIfEqual, UInt32(truncatingIfNeeded: argument.value >> 32), no: left - 5)
            }
            end(with: rule.errno)
            if !rule.arguments.isEmpty { add(Self.load, 0) }
        }

        /// `SECCOMP_RET_ALLOW` or `SECCOMP_RET_ERRNO`.
        mutating func end(with errno: UInt32?) {
            add(Self.end, errno.map { 0x0005_0000 | $0 } ?? 0x7fff_0000)
        }
    }
}
