// The examples where a process has no shell around it: as the first of a container, in the background, with an output that is not
// read any more.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct ProcessConditions {
        static let commands = [
            ["soup", "127.0.0.1:0"], ["echo", "127.0.0.1:0"], ["hello-http", "127.0.0.1:0"],
            ["counter", "127.0.0.1:0"],
            ["soup-kitchen", "--admin", "127.0.0.1:0", "127.0.0.1:0"],
        ]

        /// The kernel does not apply the default action of a signal to the first process of a namespace.
        @Test(arguments: commands, [SIGINT, SIGTERM])
        func theFirstProcessOfANamespaceEndsAtASignal(command: [String], signal: Int32) throws {
            // With a /proc of its own, in which the address sanitizer finds the threads that it looks through for leaks.
            let unshare = [try program("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc"]
            let user = getuid() == 0 ? [] : ["--user", "--map-root-user"]
            // An input that does not end, which is not what ends it.
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { for end in ends { close(end) } }
            var parent = try Child(
                unshare + user + [try Soup.built(command[0])] + command.dropFirst(),
                input: ends[0]
            )
            try wait(for: "\(command[0]) listens") {
                if let ending = parent.poll() { throw Failure("\(command[0]): \(ending): \(parent.errors)") }
                return parent.output.contains("\n")
            }
            let children = try ProcFS.text("/proc/\(parent.pid)/task/\(parent.pid)/children")
            let first = try #require(pid_t(children.filter { $0 != " " }))
            #expect(try ProcFS.status("NSpid", of: first).hasSuffix("\t1"))
            kill(first, signal)
            #expect(try parent.wait() == .exited(0))
            #expect(parent.errors.withoutEngineLine(of: command[0]) == "")
        }

        /// `command | true`
        @Test(arguments: commands)
        func aReaderOfTheOutputThatIsGoneEndsNoServer(command: [String]) throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            close(ends[0])
            var server = try Child(
                [try Soup.built(command[0])] + command.dropFirst(),
                output: .descriptor(ends[1])
            )
            close(ends[1])
            // The library's handlers are there once it listens.
            try wait(for: "\(command[0]) serves") {
                if let ending = server.poll() { throw Failure("\(command[0]): \(ending): \(server.errors)") }
                return try UInt64(ProcFS.status("SigCgt", of: server.pid), radix: 16)! & 1 << (SIGTERM - 1) != 0
            }
            server.signal(SIGTERM)
            #expect(try server.wait() == .exited(0))
            #expect(server.errors.withoutEngineLine(of: command[0]) == "")
        }

        /// A process in the background that reads from its terminal is stopped, by default.
        @Test(arguments: [
            (["counter", "127.0.0.1:0"], "press Return", "served"),
            (["soup-kitchen", "--admin", "127.0.0.1:0", "127.0.0.1:0"], "admin on ", "bowls served"),
        ])
        func itServesInTheBackgroundAndReadsItsTerminalInTheForeground(
            command: [String],
            lastLine: String,
            answer: String
        ) throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            let words = try [Soup.built(command[0])] + command.dropFirst()
            // `script` gives the shell a terminal, whose input is the pipe.
            let job = words.map { "'\($0)'" }.joined(separator: " ")
            let shell = "set -m; \(job) & echo pid $!; read go; fg >/dev/null"
            var session = try Child([try program("script"), "-qec", shell, "/dev/null"], input: ends[0])
            close(ends[0])
            defer { close(ends[1]) }
            try wait(for: "\(command[0]) has begun") {
                if let ending = session.poll() { throw Failure("\(ending): \(session.output)\(session.errors)") }
                return session.output.contains(lastLine)
            }
            let lines = session.output.split(whereSeparator: \.isNewline)
            let line = try #require(lines.first { $0.hasPrefix("listening on ") })
            let address = try Address(listeningLine: String(line))
            for _ in 1...200 {
                var client = try Dialog(with: address)
                client.endOutput()
                #expect(try client.line() != nil)
            }
            for line in ["go\n", "\n"] { _ = write(ends[1], line, line.utf8.count) }
            let number = command[0] == "counter" ? 200 : 0
            try wait(for: "it reads the terminal") { session.output.contains("\(number) \(answer)\r\n") }
            let pid = try #require(lines.first { $0.hasPrefix("pid ") }.flatMap { pid_t($0.dropFirst(4)) })
            kill(pid, SIGTERM)
            #expect(try session.wait() == .exited(0))
        }
    }
}
