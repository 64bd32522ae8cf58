// A process without descriptors, on every engine: it serves whom it has, and waits instead of asking again and again.

@preconcurrency import Glibc
import GrantedLevels
import NBUring
import Testing

extension SoupTests {
    @Suite struct FullProcesses {
        /// All engines at once, since each waits for seconds.
        @Test func aFullServerServesWhomItHasAndDoesNotSpin() throws {
            let servers = try EngineChoice.granted.map { try FullServer($0) }
            for server in servers { try server.expectServesWhomItHas() }
            for server in servers { try server.expectNoSpinning() }
            for server in servers { try server.expectServesTheRestWithMoreDescriptors() }
        }
    }
}

/// A server that keeps every connection and has met its limit of descriptors. The test's.
private final class FullServer {
    private static let clientCount = 20
    /// Of sixteen descriptors, seven are standard streams, listeners, the wake-up and the ring, or epoll.
    private static let roomCount = 9

    private let engine: EngineChoice
    private var sendsAtOnce: Bool { if case .ring(let level) = engine { level >= .linux6_1 } else { false } }
    private let process: TestServer
    private let before: ProcessState
    private let address: Address
    private let tracing: Tracing
    private let clients: Clients

    init(_ engine: EngineChoice) throws {
        self.engine = engine
        process = try TestServer(under: [try program("prlimit"), "--nofile=16:"])
        _ = try process.start(engine)
        try process.stop()
        try wait(for: "its thread ends") { [process] in try ProcFS.hasOnlyOwnThreads(process.pid) }
        before = try ProcessState(of: process.pid)
        address = try process.start(engine, keeping: FullServer.clientCount).addresses[0]
        tracing = try Tracing(engine == .epoll ? "epoll_pwait2" : "io_uring_enter", of: process.pid)
        clients = try Clients(FullServer.clientCount, to: address)
        try process.expectLines(["parked \(address) \(EMFILE)"])
    }

    /// They are told something when the listener parks, and hear it while nothing is free.
    func expectServesWhomItHas() throws {
        try clients.waitUntil(FullServer.roomCount, have: "\(Soup.greeting)full\n".utf8.count)
        #expect(try ProcFS.queueLength(at: address) == FullServer.clientCount - FullServer.roomCount)
    }

    /// A wait that its time limit ends, one accept that fails, a wait: what it costs is counted, not timed. On epoll the accept is a
    /// call of its own. A server that the machine woke late looks once more before it takes a limit for passed.
    func expectNoSpinning() throws {
        try tracing.waitForTimeouts(3)
        let ended = try tracing.record().calls.filter { $0.contains(" = ") }
        let waits = ended.indices.filter { Tracing.Record.isTimeout(ended[$0]) }
        let callsOfAPause = engine == .epoll ? 1...2 : 2...3
        #expect(callsOfAPause.contains(waits[1] - waits[0]))
        #expect(callsOfAPause.contains(waits[2] - waits[1]))
        #expect(process.unreadLines == 0)
    }

    func expectServesTheRestWithMoreDescriptors() throws {
        var prlimit = try Child([try program("prlimit"), "--pid", String(process.pid), "--nofile=64:"])
        #expect(try prlimit.wait() == .exited(0))
        try clients.waitUntil(FullServer.clientCount, have: Soup.greeting.utf8.count)
        try process.expectLines(["recovered \(address)"])
        let pauses = try tracing.finish().timeoutCount
        var expected = Ended(accepted: FullServer.clientCount, delivered: FullServer.clientCount)
        // One before each pause; the accept after the last one went well. The first pause is in the enter that sends clients at once what
        // they are told, where an engine does that: then it ends with how many sends that were, and not with a timeout.
        expected.acceptFailures = pauses + (sendsAtOnce ? 1 : 0)
        let ended = try process.stop()
        #expect(ended == expected)
        let told = Outcome(text: "\(Soup.greeting)full\n", end: .closed)
        let tally = try clients.tally()
        #expect(tally == [told: FullServer.roomCount, .greeted: FullServer.clientCount - FullServer.roomCount])
        try process.expectState(before)
    }
}
