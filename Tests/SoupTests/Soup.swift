// The product as its users have it: the executable `soup` in a process of its own.

@preconcurrency import Glibc

/// Owns a soup that serves.
struct Soup: ~Copyable {
    static let greeting = "No soup for you!\n"

    var child: Child

    /// Where it says that it listens, in the order of its lines.
    let addresses: [Address]

    var address: Address { addresses[0] }
    var pid: pid_t { child.pid }

    /// Starts it and waits until it has said where it listens.
    ///
    /// - Parameters:
    ///   - arguments: soup's arguments.
    ///   - wrapper: a command in front of soup that ends in executing it: `prlimit --nofile=64`.
    /// - Throws: ``Failure`` if it does not come to serve.
    init(_ arguments: [String] = ["127.0.0.1:0"], under wrapper: [String] = []) throws {
        var child = try Child(wrapper + [try Soup.path] + arguments)
        let lineCount = max(1, arguments.count)
        try wait(for: "\(lineCount) lines on soup's standard output") {
            if let ending = child.poll() { throw Failure("soup does not start: \(ending): \(child.errors)") }
            return child.output.count(where: { $0 == "\n" }) >= lineCount
        }
        addresses = try child.output.split(separator: "\n").map { try Address(listeningLine: String($0)) }
        self.child = child
    }

    /// Stops it as SIGSTOP does: the kernel goes on completing its clients' connects, and queues them.
    func pause() throws {
        child.signal(SIGSTOP)
        try wait(for: "soup is stopped") { "Tt".contains(try ProcFS.state(of: pid)) }
    }

    func resume() {
        child.signal(SIGCONT)
    }

    /// Waits until it has closed what it had opened since `before` was taken.
    func expectDescriptors(_ before: [Int: String]) throws {
        try wait(for: "soup has the descriptors it had, \(before), not \(try ProcFS.descriptors(of: pid))") {
            try ProcFS.descriptors(of: pid) == before
        }
    }
}

/// A soup that did not serve, or does no more.
struct EndedSoup: Equatable {
    var ending: Ending
    var output: String
    var errors: String

    /// Runs soup until it ends, which it has to do by itself.
    init(_ arguments: [String], under wrapper: [String] = [], output: Child.Output = .captured) throws {
        var child = try Child(wrapper + [try Soup.path] + arguments, output: output)
        ending = try child.wait()
        self.output = child.output
        errors = child.errors
    }

    /// The line of an error as users want it: the only one, and soup's own.
    var errorLine: String? {
        let lines = errors.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count == 2 && lines[1].isEmpty && lines[0].hasPrefix("soup: ") ? String(lines[0]) : nil
    }
}

// Finding it and its helpers.
extension Soup {
    /// The soup that was built with these tests, or the one the environment names.
    static var path: String {
        get throws {
            if let path = getenv("SOUP") { return try checked(String(cString: path), "which SOUP names") }
            return try built("soup")
        }
    }

    /// A program that was built with these tests.
    static func built(_ name: String) throws -> String {
        let bundle = try ProcFS.link("/proc/self/exe")
        return try checked(String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.endIndex)]) + "/" + name, "")
    }

    private static func checked(_ path: String, _ origin: String) throws -> String {
        guard access(path, X_OK) == 0 else {
            throw Failure("there is no program to test: \(path) \(origin); build it, or set SOUP to soup's path")
        }
        return path
    }
}

/// The path of a program that the tests cannot do without.
func program(_ name: String) throws -> String {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    for directory in path.split(separator: ":") + ["/usr/bin", "/usr/sbin", "/bin"]
    where access("\(directory)/\(name)", X_OK) == 0 {
        return "\(directory)/\(name)"
    }
    throw Failure("\(name) is not installed; ./dev test installs it")
}

// Starting it where somebody listens.
extension Soup {
    /// Starts it again and again until nobody else has its addresses.
    static func whenAddressIsFree(_ arguments: [String]) throws -> Soup {
        let deadline = Deadline()
        while true {
            do {
                return try Soup(arguments)
            } catch let failure as Failure {
                guard failure.description.contains("Address already in use"), deadline.isAhead else { throw failure }
                usleep(1_000)
            }
        }
    }
}
