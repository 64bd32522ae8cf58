// Children of a process that serves: what they have of it, and that it goes on.

@preconcurrency import Glibc
import GrantedLevels
import NBUring
import Testing

extension SoupTests {
    @Suite struct ChildProcesses {
        /// Who makes the child.
        enum Maker: String, CaseIterable {
            /// A thread that is none of the server's, while the server accepts.
            case anotherThread = "child"
            /// A callback of the server's, on its thread.
            case callback = "child-in-callback"
        }

        @Test(arguments: EngineChoice.granted, Maker.allCases)
        func aChildThatExecutesInheritsNothing(engine: EngineChoice, maker: Maker) throws {
            let process = try TestServer.warm(engine)
            let before = try ProcessState(of: process.pid)
            let port = try process.start(engine, keeping: 5).addresses[0].port
            let kept = try Clients(5, to: .loopback(port))
            try kept.waitUntil(5, have: Soup.greeting.utf8.count)

            var clients = Clients()
            for kind in ["spawn", "fork-exec", "spawn", "fork-exec"] {
                // They are being accepted while the child is made.
                try clients.connect(100, to: .loopback(port))
                let child = try process.makeChild(kind, by: maker, &clients, .loopback(port))
                let standard = before.descriptors.filter { $0.key <= 2 }
                // What it inherits it keeps; its libraries it has open only while it starts.
                try wait(for: "child \(child) of \(kind) has \(standard), not \(ProcFS.descriptors(of: child))") {
                    try ProcFS.text("/proc/\(child)/cmdline") == "/proc/self/exe\0child\0"
                        && ProcFS.descriptors(of: child) == standard
                }
            }
            try expectAllGreeted(clients)

            // Nothing of the server is left in the children, which live on: its port is free at once.
            let count = 5 + clients.count
            #expect(try process.stop() == Ended(accepted: count, delivered: count))
            try expectAllGreeted(kept)
            try expectOutcome(.refused, at: .loopback(port))
            _ = try process.start(engine, port: port)
            try expectAllGreeted(Clients(100, to: .loopback(port)))
            #expect(try process.stop() == Ended(accepted: 100, delivered: 100))
            process.send("reap")
            try process.expectLines(["reaped 9 9 9 9"])
            try process.expectState(before)
        }

        /// A copy of the process has the server's descriptors until it ends, but not the ring's memory: it cannot use the
        /// ring by mistake, and its end is not the ring's.
        @Test(arguments: EngineChoice.granted, Maker.allCases)
        func aChildThatIsACopyDisturbsNothing(engine: EngineChoice, maker: Maker) throws {
            let process = try TestServer.warm(engine)
            let before = try ProcessState(of: process.pid)
            let address = try process.start(engine, keeping: 5).addresses[0]
            let kept = try Clients(5, to: address)
            try kept.waitUntil(5, have: Soup.greeting.utf8.count)
            #expect(try process.ringMappings(of: process.pid) == (engine == .epoll ? 0 : 2))

            var clients = Clients()
            let copy = try process.makeChild("fork", by: maker, &clients, address)
            #expect(try process.ringMappings(of: copy) == 0)
            try clients.connect(100, to: address)
            for _ in 1...5 {
                try clients.connect(20, to: address)
                _ = try process.makeChild("fork-exit", by: maker, &clients, address)
            }
            process.send("reap")
            try process.expectLines(["reaped 9 0 0 0 0 0"])
            // The copy had their descriptors as well, so they end now at the earliest.
            try expectAllGreeted(clients)
            let more = try Clients(100, to: address)
            try expectAllGreeted(more)

            let count = 5 + clients.count + more.count
            #expect(try process.stop() == Ended(accepted: count, delivered: count))
            try expectAllGreeted(kept)
            try expectOutcome(.refused, at: address)
            try process.expectState(before)
        }
    }
}

extension TestServer {
    /// Returns the child's number. A callback needs a client to be called for.
    fileprivate func makeChild(
        _ kind: String,
        by maker: SoupTests.ChildProcesses.Maker,
        _ clients: inout Clients,
        _ address: Address
    ) throws -> pid_t {
        send("\(maker.rawValue) \(kind)")
        if maker == .callback {
            try expectLines(["armed"])
            try clients.connect(1, to: address)
        }
        let words = try nextLine().split(separator: " ")
        guard words.count == 2, words[0] == "child", let pid = pid_t(words[1]), pid > 0 else {
            throw Failure("no child: \(words)")
        }
        return pid
    }

    /// How much of a ring a process can reach: its queues, and its submission entries.
    fileprivate func ringMappings(of pid: pid_t) throws -> Int {
        try ProcFS.text("/proc/\(pid)/maps").split(separator: "\n").count { $0.hasSuffix(Tracing.ringLink) }
    }
}
