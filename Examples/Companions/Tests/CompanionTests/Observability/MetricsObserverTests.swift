import Metrics
import MetricsTestKit
import NBServer
import NBServerObservability
import Synchronization
import Testing

/// What metrics say of a server, in how many operations.
@Suite(.timeLimit(.minutes(2))) struct MetricsObserverTests {
    private let metrics = TestMetrics()

    private func observer(every interval: Duration) -> MetricsObserver {
        MetricsObserver(
            prefix: "test",
            dimensions: [("shard", "0")],
            factory: metrics,
            every: interval,
            endLimit: .seconds(60)
        )
    }

    private func counter(_ name: String) throws -> TestCounter {
        try metrics.expectCounter("test_\(name)", [("shard", "0")])
    }
    private func counter(_ name: String, _ reason: AdmissionReason) throws -> TestCounter {
        try metrics.expectCounter("test_\(name)", [("shard", "0"), ("reason", reason.rawValue)])
    }
    private func gauge(_ name: String) throws -> TestRecorder {
        try metrics.expectGauge("test_\(name)", [("shard", "0")])
    }

    /// All counts are right when the server has ended, in a batch at its beginning and one at its end.
    @Test func aThousandConnectionsAreAnOperation() async throws {
        let server = try Server(
            Keeper(journal: Journal()),
            listening: "127.0.0.1:0",
            observer: observer(every: .seconds(3600))
        )
        try await server.start()
        // The first batch, which begins the hour.
        while try counter("turns").values.isEmpty { await Task.yield() }
        for _ in 0..<1000 { #expect(try await Held(try Client(server.addresses[0])).readToEnd() == "hello\n") }
        await server.stop()
        #expect(try counter("connections_accepted").values == [1000])
        #expect(try counter("connections_delivered").values == [1000])
        for reason in AdmissionReason.allCases {
            #expect(try counter("connections_discarded", reason).values == [])
        }
        #expect(try counter("turns").values.count == 2)
        #expect(try metrics.expectTimer("test_longest_turn", [("shard", "0")]).values.count == 2)
        #expect(try gauge("connections_open").values.last == 0)
    }

    /// A client that is turned away is counted under its reason, and under no other.
    @Test func refusalsAreCountedByReason() async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 0, whenReached: .reset))
        let server = try Server(
            Keeper(journal: Journal()),
            listening: "127.0.0.1:0",
            options: ServerOptions(admission: admission),
            observer: observer(every: .seconds(3600))
        )
        try await server.start()
        while try counter("turns").values.isEmpty { await Task.yield() }
        for _ in 0..<3 { _ = try? await Held(try Client(server.addresses[0])).readToEnd() }
        await server.stop()
        #expect(try counter("connections_accepted").values == [3])
        for reason in AdmissionReason.allCases {
            #expect(try counter("connections_discarded", reason).values == (reason == .open ? [3] : []))
            #expect(try counter("connections_waited", reason).values == [])
            #expect(try counter("listener_parks", reason).values == [])
        }
    }

    @Test func gaugesFollowTheLoad() async throws {
        let server = try Server(
            Keeper(journal: Journal(), keeps: true),
            listening: "127.0.0.1:0",
            observer: observer(every: .zero)
        )
        try await server.start()
        let clients = try (0..<3).map { _ in Held(try Client(server.addresses[0])) }
        while try gauge("connections_open").values.last != 3 { await Task.yield() }
        #expect(try gauge("listeners_open").values.last == 1)
        _ = try await server.addListener(on: "127.0.0.1:0")
        while try gauge("listeners_open").values.last != 2 { await Task.yield() }
        try await server.suspendMessages()
        for _ in 0..<5 { try server.cast(.stop) }
        while try gauge("mailbox_length").values.last != 5 { await Task.yield() }
        try await server.resumeMessages()
        _ = await server.waitForEnd()
        // The casts behind the first were dropped with the mailbox.
        for client in clients { #expect(try await client.readToEnd() == "hello\n") }
        while try gauge("connections_open").values.last != 0 { await Task.yield() }
        #expect(try gauge("listeners_open").values.last == 0)
        #expect(try gauge("listeners_parked").values == [0])
    }

    @Test func aLoadIsToldAsItIs() throws {
        let observer = observer(every: .seconds(3600))
        var load = ServerLoad(
            parkedListeners: 2,
            turns: 10,
            turnTime: .microseconds(50),
            longestTurn: .microseconds(20)
        )
        observer.observe([.terminated(.requested)], ServerCounters(), load)
        load.parkedListeners = 0
        load.turns = 12
        load.longestTurn = .microseconds(7)
        observer.observe([], ServerCounters(), load)
        load.longestTurn = .microseconds(3)
        load.turnTime = .microseconds(60)
        observer.observe([.terminated(.requested)], ServerCounters(), load)
        #expect(try gauge("listeners_parked").values == [2, 0])
        #expect(try counter("turns").values == [10, 2])
        #expect(try counter("busy_nanoseconds").values == [50_000, 10_000])
        #expect(try metrics.expectTimer("test_longest_turn", [("shard", "0")]).values == [20_000, 7_000])
    }

    @Test func countersAreToldAsDifferences() throws {
        let observer = observer(every: .seconds(3600))
        var counters = ServerCounters()
        for failed: UInt64 in [3, 5, 5] {
            counters.failed = failed
            observer.observe([.terminated(.requested)], counters, ServerLoad())
        }
        #expect(try counter("connections_failed").values == [3, 2])
    }

    /// A backend that never returns: the server serves, and ends when the limit for that is over.
    @Test func aBackendThatStandsStillHoldsUpNoServer() async throws {
        let gate = Gate()
        let stuck = StuckMetrics(gate)
        defer { gate.open() }
        let observer = MetricsObserver(factory: stuck, every: .zero, endLimit: .milliseconds(1))
        let server = try Server(Keeper(journal: Journal()), listening: "127.0.0.1:0", observer: observer)
        try await server.start()
        while !stuck.isStuck { await Task.yield() }
        for _ in 0..<100 { #expect(try await Held(try Client(server.addresses[0])).readToEnd() == "hello\n") }
        #expect("\(await server.stop())" == "stop requested")
    }
}

/// A backend whose counters wait at a gate.
private final class StuckMetrics: MetricsFactory, CounterHandler, RecorderHandler, TimerHandler {
    private let gate: Gate
    private let entered = Atomic<Bool>(false)

    init(_ gate: Gate) { self.gate = gate }

    var isStuck: Bool { entered.load(ordering: .relaxed) }

    func increment(by amount: Int64) {
        entered.store(true, ordering: .relaxed)
        gate.wait()
    }
    func reset() {}
    func record(_ value: Int64) {}
    func record(_ value: Double) {}
    func recordNanoseconds(_ duration: Int64) {}
    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { self }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler { self }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { self }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
