import Logging
import NBServerObservability
import Testing

@testable import NBServer

/// What is logged of a server, how often, and what a logger that does not keep up comes to.
@Suite(.timeLimit(.minutes(2))) struct LogObserverTests {
    private let journal = Journal<String>()
    private struct Mishap: Error {}

    private func observer(lineLimit: Int = 1024, heldBy gate: Gate? = nil) -> LogObserver {
        LogObserver(Logger(journal, heldBy: gate), every: .zero, lineLimit: lineLimit, endLimit: .seconds(60))
    }

    private var counters: ServerCounters { ServerCounters() }

    @Test func theLifeOfAServerIsLogged() async throws {
        // One batch, at the end, so that lines have an order.
        let observer = LogObserver(Logger(journal), every: .seconds(3600), endLimit: .seconds(60))
        let server = try Server(Keeper(journal: Journal()), listening: "127.0.0.1:0", observer: observer)
        let address = server.addresses[0]
        try await server.start()
        await journal.wait { $0.count == 1 }
        for _ in 0..<3 { #expect(try await Held(try Client(address)).readToEnd() == "hello\n") }
        let listener = try await server.addListener(on: "127.0.0.1:0")
        let added = listener.address
        try await server.pauseListener(listener.id)
        try await server.resumeListener(listener.id)
        try await server.suspendMessages()
        try await server.resumeMessages()
        try await server.removeListener(listener.id)
        await server.drain(within: .seconds(60))
        let lines = journal.entries
        #expect(lines[0].hasPrefix("info: server began nb.addresses=[\"\(address)\"] nb.engine="))
        #expect(
            lines.dropFirst() == [
                "info: listener added nb.address=\(added)", "debug: listener paused nb.address=\(added)",
                "debug: listener resumed nb.address=\(added)", "notice: messages suspended", "notice: messages resumed",
                "info: listener removed nb.address=\(added)", lines[7],
                "info: server ended nb.accepted=3 nb.delivered=3 nb.discarded=0 nb.failed=0 nb.reason=drained",
            ]
        )
        #expect(lines[7].hasPrefix("notice: server drains nb.limit="))
    }

    @Test func eachTroubleOfAListenerIsALine() throws {
        let address = try SocketAddress("127.0.0.1:7777")
        let cause = #expect(throws: ServerError.self) { try SocketAddress("nonsense") }
        let error = try #require(cause)
        observer().observe(
            [
                .info(.listenerParked(address, cause: error)), .info(.listenerShedding(address, cause: error)),
                .info(.listenerRecovered(address)), .info(.listenerBelowLimit(address)),
                .info(.listenerDown(address, cause: error)), .info(.timeout), .terminated(.failed(Mishap())),
            ],
            counters
        )
        #expect(
            journal.entries == [
                "warning: listener parked nb.address=127.0.0.1:7777 nb.error=\(error)",
                "warning: listener sheds clients nb.address=127.0.0.1:7777 nb.error=\(error)",
                "notice: listener recovered nb.address=127.0.0.1:7777",
                "info: listener below limit nb.address=127.0.0.1:7777",
                "error: listener down nb.address=127.0.0.1:7777 nb.error=\(error)",
                "error: server ended nb.accepted=0 nb.delivered=0 nb.discarded=0 nb.failed=0 nb.reason=failed: Mishap()",
            ]
        )
    }

    /// A thousand clients, each of which costs its connection: one line, or two if the first of them was alone.
    @Test func noConnectionHasALineOfItsOwn() async throws {
        let observer = LogObserver(Logger(journal), every: .seconds(3600), endLimit: .seconds(60))
        let server = try Server(Clumsy(), listening: "127.0.0.1:0", observer: observer)
        try await server.start()
        for _ in 0..<1000 { _ = try await Held(try Client(server.addresses[0])).readToEnd() }
        await server.stop()
        let lines = journal.entries.filter { $0.hasPrefix("warning: connections failed") }
        #expect(lines == ["warning: connections failed nb.count=1000 nb.error=Mishap()"])
        #expect(journal.entries.count == 3)
    }

    private static let connection = ConnectionID(server: 1, slot: 2, number: 3)

    /// None of these is a line, and each is told without one.
    @Test(arguments: [
        (
            ServerEvent.info(.connectionFailed(connection, Mishap())), "warning: connections failed",
            " nb.error=Mishap()"
        ),
        (.info(.connectionLost(connection)), "debug: kept connections lost", ""),
        (.messageUndelivered(connection), "debug: messages to ended workers", ""),
    ]) func whatHappensToConnectionsIsCounted(event: ServerEvent, words: String, more: String) async {
        let gate = Gate()
        let observer = observer(heldBy: gate)
        observer.observe([event], counters)
        await journal.wait { $0 == ["\(words) nb.count=1\(more)"] }
        for _ in 0..<3 { observer.observe([event], counters) }
        gate.open()
        await journal.wait { $0 == ["\(words) nb.count=1\(more)", "\(words) nb.count=3\(more)"] }
    }

    @Test func oneLineAtLeastMayWait() async {
        let gate = Gate()
        let observer = observer(lineLimit: 0, heldBy: gate)
        observer.observe([.suspended], counters)
        await journal.wait { $0 == ["notice: messages suspended"] }
        for _ in 0..<2 { observer.observe([.resumed], counters) }
        gate.open()
        let more = ["warning: log lines dropped nb.count=1", "notice: messages resumed"]
        await journal.wait { $0 == ["notice: messages suspended"] + more }
    }

    /// A time that no clock could tell is as good as none.
    @Test func timesMayBeLonger() async {
        let forEver = Duration.seconds(Int64.max)
        let observer = LogObserver(Logger(journal), every: forEver, endLimit: forEver)
        observer.observe([.suspended], counters)
        await journal.wait { $0.count == 1 }
        observer.observe([.resumed], counters)
        observer.observe([.terminated(.requested)], counters)
        #expect(journal.entries.count == 3)
    }

    @Test func aLoggerThatDoesNotKeepUpLosesLinesAndSaysHowMany() async throws {
        let gate = Gate()
        let observer = observer(lineLimit: 4, heldBy: gate)
        observer.observe([.suspended], counters)
        await journal.wait { $0.count == 1 }
        for _ in 0..<10 { observer.observe([.resumed], counters) }
        gate.open()
        observer.observe([.terminated(.requested)], counters)
        #expect(
            journal.entries == [
                "notice: messages suspended", "warning: log lines dropped nb.count=6", "notice: messages resumed",
                "notice: messages resumed", "notice: messages resumed", "notice: messages resumed",
                "info: server ended nb.accepted=0 nb.delivered=0 nb.discarded=0 nb.failed=0 nb.reason=stop requested",
            ]
        )
    }

    /// A logger that never returns: the server serves, and ends when the limit for that is over.
    @Test func aLoggerThatStandsStillHoldsUpNoServer() async throws {
        let gate = Gate()
        defer { gate.open() }
        let observer = LogObserver(Logger(journal, heldBy: gate), every: .zero, endLimit: .milliseconds(1))
        let server = try Server(Keeper(journal: Journal()), listening: "127.0.0.1:0", observer: observer)
        try await server.start()
        await journal.wait { $0.count == 1 }
        for _ in 0..<100 { #expect(try await Held(try Client(server.addresses[0])).readToEnd() == "hello\n") }
        try await server.suspendMessages()
        #expect("\(await server.stop())" == "stop requested")
        #expect(journal.entries.count == 1)
    }

    /// Costs each client its connection.
    private struct Clumsy: NonBlockingServer {
        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) throws -> Verdict {
            throw Mishap()
        }
    }
}
