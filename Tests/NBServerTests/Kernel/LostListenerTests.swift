import Glibc
import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// Listening sockets that somebody else shuts down, closes or replaces: said once, and nothing foreign is touched.
@Suite(.serialized) struct LostListenerTests {
    @Test(arguments: EngineChoice.granted)
    func aListenerThatIsShutDownGoesDownAndTheLastOneStopsTheServer(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine, listening: [.unshared, .unshared]) { connection, _ in
                    connection.send("hello")
                    return .continue
                }
                try ListeningDescriptor(of: server.addresses[0]).shutDown()
                try KernelScenario.wait(for: "the first to go down") { server.reports.count == 1 }
                #expect(throws: Client.Refused.self) { try Client(server.addresses[0]) }
                expect(try Crowd(50, at: server.addresses[1]).endings(), is: [.end("hello"): 50], "of the other")
                try ListeningDescriptor(of: server.addresses[1]).shutDown()
                try KernelScenario.wait(for: "the end") { server.terminations == 1 }
                let end = try server.stop()
                expect(server.reports, is: [.down(errno: EINVAL), .down(errno: EINVAL)], "reports")
                expect(end.counters.delivered, is: 50, "delivered")
                expect(end.counters.acceptFailures, is: 2, "failed accepts")
                guard case .failed(let error as ServerError) = end.reason, error.code == .listenerDown else {
                    Issue.record("stopped for \(end.reason)")
                    return
                }
            }
        }
    }

    /// What becomes of the number that was a listener's.
    enum Fate: String, CaseIterable, Codable {
        case closed, file, socket
    }

    /// About the ring: an accept that is armed holds the listener's file. Epoll forgets a file that is closed, and says nothing.
    @Test(arguments: EngineChoice.grantedRings, Fate.allCases)
    func aNumberThatIsNotTheListenersAnyMoreIsLeftAlone(on engine: EngineChoice, fate: Fate) async {
        await #expect(processExitsWith: .success) { [engine, fate] in
            try await KernelScenario.run(on: engine) { try Self.lose(fate, on: engine) }
        }
    }

    private static func lose(_ fate: Fate, on engine: EngineChoice) throws {
        // The lowest number that is free, for the connection that is accepted next.
        let gap = dup(0)
        let foreign = SocketPair()
        // One at a time, since an accept that is armed does not notice.
        let server = try RunningServer(
            engine: engine,
            listening: [.unshared, .unshared],
            acceptMode: .oneShot
        ) { connection, _ in
            connection.send("hello")
            return .continue
        }
        expect(try Client(server.address).readToEnd(), is: .end("hello"), "the first")
        // Served in a later turn, so the next accept of the first is armed by now.
        expect(try Client(server.addresses[1]).readToEnd(), is: .end("hello"), "of the other")
        let listener = try ListeningDescriptor(of: server.address).number
        let client = Client(family: AF_INET)
        switch fate {
        case .closed: close(listener)
        case .file: dup2(0, listener)
        case .socket: dup2(foreign.end, listener)
        }
        close(foreign.end)
        close(gap)
        try client.connect(to: server.address)
        expect(try client.readToEnd(), is: .end("hello"), "the one the accept was armed for")
        try KernelScenario.wait(for: "the listener to go down") { server.reports.count == 1 }
        let errnos: [Fate: Int32] = [.closed: EBADF, .file: ENOTSOCK, .socket: EINVAL]
        expect(server.reports, is: [.down(errno: errnos[fate])], "reports")
        expect(try Crowd(10, at: server.addresses[1]).endings(), is: [.end("hello"): 10], "of the other")
        expect(try server.stop().counters.delivered, is: 13, "delivered")
        expect(fcntl(listener, F_GETFD) >= 0, is: fate != .closed, "the number's use")
        expect(fate == .socket ? foreign.isEndOpen : foreign.isEndClosed, is: true, "the foreign socket's fate")
        if fate != .closed { close(listener) }
    }
}
