// Commands in front of soup, each of which ends in executing it: its process number stays the child's.

@preconcurrency import Glibc

enum Wrapper {
    /// Has a program that would take another engine where there is no ring fail instead.
    static let onTheRing = ["env", "NB_SERVER_ENGINE=ring"]

    /// Has a program that would take the ring run on epoll.
    static let onEpoll = ["env", "NB_SERVER_ENGINE=epoll"]

    /// Has strace fail some of soup's system calls, from outside. The tracer is a process of its own (`-D`) that ends
    /// with soup, and writes each call to a file.
    static func failing(
        _ call: String,
        with error: String,
        when: String = "1+",
        log: String = "/dev/null"
    ) throws
        -> [String]
    {
        [
            try program("strace"), "-D", "-f", "-o", log, "-e", "trace=\(call)", "-e",
            "inject=\(call):error=\(error):when=\(when)",
            // A leak checker cannot look while strace does.
            "-E", "ASAN_OPTIONS=detect_leaks=0",
        ]
    }

    /// Has the program's system calls go through a filter, from its very start. The filter has to live until then.
    static func filtered(by filter: borrowing SystemCallFilter) throws -> [String] {
        // A leak checker asks for more than any server does.
        [try program("env"), "ASAN_OPTIONS=detect_leaks=0", try Soup.built("test-server"), "filtered", filter.path]
    }

    static func limiting(_ limit: String, to value: Int) throws -> [String] {
        [try program("prlimit"), "--\(limit)=\(value)"]
    }

    /// Makes soup an ordinary user's, unless we are one already.
    static func withoutPrivileges() throws -> [String] {
        guard getuid() == 0 else { return [] }
        return [try program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    }
}

/// A file that is gone when its owner is.
struct TemporaryFile: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/soup-test-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard file >= 0 else { throw Failure(call: "mkstemp") }
        close(file)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Soup, where each user can reach it.
    static func copyOfSoup() throws -> TemporaryFile { try copy(of: try Soup.path) }

    /// A program, where each user can reach it. Another process writes it: this process may not have it open when it starts.
    static func copy(of path: String) throws -> TemporaryFile {
        let copy = try TemporaryFile()
        var install = try Child([try program("install"), "-m", "755", path, copy.path])
        guard try install.wait() == .exited(0) else { throw Failure("cannot copy \(path): \(install.errors)") }
        return copy
    }

    deinit { unlink(path) }
}
