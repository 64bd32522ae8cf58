import NBServer
import Synchronization

/// A task that takes a listener's connections and greets them. It runs on the server's thread, so that what both do is counted together.
struct ArrivalConsumer {
    private static let greeting = Array(Greeter.greeting.utf8)

    /// Whether it takes batches, or one connection after the other.
    let isBatched: Bool

    /// How many allocations a connection may cost.
    var mostAllocations: Int { isBatched ? 0 : 2 }

    /// How many there may be besides, in all: four lists double until they hold the largest batch, which a busy machine may bring late.
    static let growth = 12

    func consume(_ arrivals: Arrivals, _ place: MeterPlace) async throws {
        try SelfTest.run()
        if isBatched {
            while var batch = await arrivals.nextBatch() {
                while let arrival = batch.next() {
                    place.meter.noteDelivery()
                    arrival.send(Self.greeting)
                    arrival.close()
                }
            }
        } else {
            for await connection in arrivals {
                place.meter.noteDelivery()
                connection.close(sending: Self.greeting)
            }
        }
        place.meter.finish()
    }
}

/// A listener whose scope is a task, seen from the thread that connects to it.
private final class ArrivalScope: Sendable {
    private let arrivals = Mutex<Arrivals?>(nil)
    private let error = Mutex<(any Error)?>(nil)
    /// Opened when the scope has begun, and when it has ended.
    private let begun: Valve
    private let ended: Valve

    init(_ consumer: ArrivalConsumer, _ place: MeterPlace) throws {
        begun = try Valve()
        ended = try Valve()
        Task.detached { await self.run(consumer, place) }
    }

    deinit {
        begun.close()
        ended.close()
    }

    private func run(_ consumer: ArrivalConsumer, _ place: MeterPlace) async {
        do {
            try await withListener("127.0.0.1:0") { arrivals in
                self.arrivals.withLock { $0 = arrivals }
                try begun.open()
                try await withTaskExecutorPreference(arrivals.executor) { try await consumer.consume(arrivals, place) }
            }
        } catch {
            self.error.withLock { $0 = error }
            try? begun.open()
        }
        try? ended.open()
    }

    func waitForArrivals() throws -> Arrivals {
        begun.wait()
        guard let arrivals = arrivals.withLock({ $0 }) else { throw Failure("no arrivals: \(failure)") }
        return arrivals
    }

    func stop() throws {
        arrivals.withLock { $0 }?.requestStop()
        ended.wait()
        if let error = error.withLock({ $0 }) { throw error }
    }

    private var failure: String { error.withLock { $0.map { "\($0)" } ?? "for no reason" } }
}

extension Scenario {
    /// Measures a consumer of arrivals, and tells the result.
    ///
    /// - Returns: whether there were no more allocations than it may have.
    func run(_ consumer: ArrivalConsumer) throws -> Bool {
        let valve = try Valve()
        defer { valve.close() }
        let report = Report()
        let meter = Meter(holdInterval: burst ?? .max, crowdSize: 0, valve: valve, report: report)
        let scope = try ArrivalScope(consumer, MeterPlace(meter))
        let port = try scope.waitForArrivals().addresses[0].port
        try connect(Client(port: port, greeting: Array(greeting.utf8), speaks: false), valve)
        try scope.stop()
        guard let counts = report.result else { throw Failure("\(name): a connection is missing, or too many came") }
        print("\(name): \(Meter.measured) connections, \(counts.allocations) allocations")
        let most = Meter.measured * consumer.mostAllocations + ArrivalConsumer.growth
        guard counts.allocations > most else { return true }
        print("allocation-check: FAILED: \(name): should have been \(most) allocations or fewer")
        return false
    }
}
