// One of the examples, other than soup, in a process of its own.

@preconcurrency import Glibc
import Testing

/// Owns an example that serves.
struct Example: ~Copyable {
    var child: Child

    private let name: String

    /// The lines that it was waited for.
    let lines: [String]

    /// The addresses at their ends.
    let addresses: [Address]

    var address: Address { addresses[0] }
    var pid: pid_t { child.pid }

    /// Starts it, under a command that ends in executing it, and waits until it has written so many lines.
    init(
        _ name: String,
        _ arguments: [String] = ["127.0.0.1:0"],
        lines wanted: Int = 1,
        input: Int32? = nil,
        under wrapper: [String] = []
    ) throws {
        var child = try Child(wrapper + [try Soup.built(name)] + arguments, input: input)
        try wait(for: "\(wanted) lines on the standard output of \(name)") {
            if let ending = child.poll() { throw Failure("\(name) does not start: \(ending): \(child.errors)") }
            return child.output.count(where: { $0 == "\n" }) >= wanted
        }
        let lines = child.output.split(separator: "\n").prefix(wanted).map(String.init)
        addresses = try lines.map { try Self.address(atTheEndOf: $0) }
        self.lines = lines
        self.name = name
        self.child = child
    }

    private static func address(atTheEndOf line: String) throws -> Address {
        try Address(listeningLine: "listening on \(line.split(separator: " ").last ?? "")")
    }

    /// Waits until it has closed what it had opened since `before` was taken. A timer is libdispatch's, which makes one for itself when
    /// tasks are kept waiting, and keeps it.
    func expectDescriptors(_ before: [Int: String]) throws {
        try wait(for: "it has the descriptors it had, \(before), not \(try ProcFS.descriptors(of: pid))") {
            try ProcFS.descriptors(of: pid).filter { before[$0.key] != nil || $0.value != "anon_inode:[timerfd]" }
                == before
        }
    }

    /// How it ends, after it was sent a signal.
    mutating func ending() throws -> Ending { try child.wait() }

    /// Ctrl-C: it ends well, has said nothing more but that it runs on epoll if it does, and its addresses are free.
    consuming func expectCleanEnd(saying more: String = "") throws {
        child.signal(SIGINT)
        let ending = try child.wait()
        guard ending == .exited(0) else { throw Failure("it ended with \(ending): \(child.errors)") }
        let said = (lines + [""]).joined(separator: "\n") + more
        guard child.errors.withoutEngineLine(of: name) == "", child.output == said else {
            throw Failure("it said \(child.output)\(child.errors)")
        }
        for address in addresses { try expectOutcome(.refused, at: address) }
    }
}

extension String {
    /// What a program wrote to its standard error, but for the line that says why it does not run on the ring.
    func withoutEngineLine(of name: String) -> String {
        let lines = split(separator: "\n", omittingEmptySubsequences: false)
        return lines.filter { !$0.hasPrefix("\(name): running on epoll of Linux ") }.joined(separator: "\n")
    }
}

/// A program that has run to its end.
struct EndedProgram {
    let ending: Ending
    let output: String
    let errors: String

    init(_ command: [String]) throws {
        var child = try Child(command)
        ending = try child.wait()
        output = child.output
        errors = child.errors
    }

    /// What a program writes that finds nothing wrong.
    static func output(of command: [String]) throws -> String {
        let program = try EndedProgram(command)
        guard program.ending == .exited(0) else { throw Failure("\(command): \(program.ending): \(program.errors)") }
        return program.output
    }
}

extension String {
    /// The number in the line of a program's output that begins with a title.
    func number(after title: String) -> Int? {
        for line in split(separator: "\n") where line.hasPrefix(title) {
            return Int(line.dropFirst(title.count).split(separator: " ").first ?? "")
        }
        return nil
    }
}
