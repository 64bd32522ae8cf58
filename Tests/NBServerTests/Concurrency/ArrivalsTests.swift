import Glibc
import GrantedLevels
import Synchronization
import Testing

@testable import NBServer

/// Connections as a sequence, on each engine: each is delivered once, or reset and counted; and demand reaches the kernel.
@Suite(.serialized) struct ArrivalsTests {
    private static func options(
        _ engine: EngineChoice,
        quantum: Int = 64,
        high: Int = 256,
        low: Int = 64
    ) -> ArrivalOptions {
        let server = ServerOptions(quantum: quantum, engine: EngineOptions(engine, submissionDepth: 64))
        return ArrivalOptions(server: server, highWater: high, lowWater: low)
    }

    private struct Trouble: Error {}

    private static func expectLedger(
        _ arrivals: Arrivals,
        delivered: UInt64,
        discarded: UInt64,
        dropped: UInt64 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let counters = arrivals.counters
        expect(counters.delivered, is: delivered, "delivered", sourceLocation: sourceLocation)
        expect(counters.discardedByReason[.untaken], is: discarded, "discarded", sourceLocation: sourceLocation)
        expect(counters.accepted, is: delivered + discarded, "accepted", sourceLocation: sourceLocation)
        expect(counters.waiting, is: 0, "waiting", sourceLocation: sourceLocation)
        expect(arrivals.droppedCount, is: dropped, "dropped", sourceLocation: sourceLocation)
    }

    private static func waitForArrivals(_ count: UInt64, _ arrivals: Arrivals) throws {
        try KernelScenario.wait(for: "\(count) connections are accepted") { arrivals.counters.accepted == count }
    }

    @Test(arguments: EngineChoice.granted)
    func eachConnectionIsDeliveredOnceAndInItsOrder(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let arrivals = try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                    let crowd = try Crowd(100, at: arrivals.addresses[0])
                    var number = 0
                    for await connection in arrivals {
                        expect(await connection.peerAddress(), is: crowd.clients[number].localAddress, "the peer")
                        connection.close(sending: "number \(number)")
                        number += 1
                        if number == 100 { break }
                    }
                    for (number, client) in crowd.clients.enumerated() {
                        expect(try client.readToEnd(), is: .end("number \(number)"), "client \(number)")
                    }
                    return arrivals
                }
                Self.expectLedger(arrivals, delivered: 100, discarded: 0)
                expect(await arrivals.nextBatch() == nil, "a batch after the end")
            }
        }
    }

    /// One that waited at a limit is delivered by no completion, and the task that awaits it is woken all the same.
    @Test(.timeLimit(.minutes(2)), arguments: EngineChoice.granted)
    func aConnectionThatWaitedAtALimitWakesItsTask(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                var options = Self.options(engine)
                options.server.admission = try Admission(AdmissionLimits(maximumOpen: 1))
                let arrivals = try await withListener([.unshared, .unshared], options: options) { arrivals in
                    let first = try Client(arrivals.addresses[0])
                    var iterator = arrivals.makeAsyncIterator()
                    let connection = await iterator.next()
                    // The other listener has armed its accept before, and accepts one beyond the limit.
                    let second = try Client(arrivals.addresses[1])
                    while try await arrivals.server.status(within: nil).counters.waiting == 0 {}
                    connection?.close(sending: "first")
                    await iterator.next()?.close(sending: "second")
                    expect(try first.readToEnd(), is: .end("first"), "the first client")
                    expect(try second.readToEnd(), is: .end("second"), "the second client")
                    return arrivals
                }
                Self.expectLedger(arrivals, delivered: 2, discarded: 0)
            }
        }
    }

    /// The listener pauses with exactly as many as may wait, unless they come at once: then with what the kernel has accepted by then.
    @Test(arguments: EngineChoice.granted)
    func demandReachesTheKernel(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                var crowd = try Crowd(0)
                // Two accepts: what the ring's queue holds and one more, each; or one by one. Epoll accepts in runs of 2, 4 and 8.
                let ahead: UInt64 = [.ring(.linux5_11): 10, .epoll: 14][engine] ?? 18
                let options = Self.options(engine, quantum: 8, high: 10, low: 0)
                let arrivals = try await withListener(.unshared, options: options) { arrivals in
                    let address = arrivals.addresses[0]
                    let listener = try ListeningDescriptor(of: address)
                    for count in 1...10 {
                        crowd.clients.append(try Client(address))
                        try Self.waitForArrivals(UInt64(count), arrivals)
                        // Two turns: before the second the queue was found empty, so that each client comes alone. After the tenth
                        // client the first turn pauses the listener, and its accept is cancelled before the second.
                        for _ in 0..<2 {
                            let activity = try await arrivals.server.status(within: nil).listeners[0].activity
                            expect(activity, is: count == 10 ? .paused : .accepting, "the listener after \(count)")
                        }
                    }
                    for _ in 0..<90 { crowd.clients.append(try Client(address)) }
                    expect(listener.queueLength, is: 90, "clients in the backlog")
                    Self.expectSoFar(arrivals, accepted: 10, waiting: 10)
                    expect(arrivals.counters.open, is: 0, "open")
                    expect(arrivals.counters.ended, is: 0, "ended")
                    var iterator = arrivals.makeAsyncIterator()
                    for _ in 0..<10 { _ = await iterator.next() }
                    // It resumes at the low water, and pauses again.
                    try KernelScenario.wait(for: "\(ahead) more are accepted") {
                        listener.queueLength == 90 - Int(ahead)
                    }
                    try Self.waitForArrivals(10 + ahead, arrivals)
                    for _ in 0..<2 {
                        expect(try await arrivals.server.status(within: nil).listeners[0].activity, is: .paused, "it")
                    }
                    Self.expectSoFar(arrivals, accepted: 10 + ahead, waiting: ahead)
                    expect(listener.queueLength, is: 90 - Int(ahead), "clients that are left in the backlog")
                    return arrivals
                }
                Self.expectLedger(arrivals, delivered: 10, discarded: ahead, dropped: 10)
                expect(try crowd.endings(), is: [.end(""): 10, .reset: 90], "the clients")
            }
        }
    }

    private static func expectSoFar(_ arrivals: Arrivals, accepted: UInt64, waiting: UInt64) {
        expect(arrivals.counters.accepted, is: accepted, "accepted")
        expect(arrivals.counters.waiting, is: waiting, "waiting")
    }

    enum MidBatch: String, CaseIterable, Codable {
        case drops, throwing, cancelled
    }

    @Test(arguments: EngineChoice.granted, MidBatch.allCases)
    func theRestOfABatchIsGivenBack(on engine: EngineChoice, way: MidBatch) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.runTask(on: engine) {
                var crowd = try Crowd(0)
                let kept = Outcome<Arrivals>()
                do {
                    try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                        kept.resolve(arrivals)
                        crowd = try Crowd(10, at: arrivals.addresses[0])
                        try Self.waitForArrivals(10, arrivals)
                        let task = Task.detached {
                            guard var batch = await arrivals.nextBatch() else { throw Trouble() }
                            expect(batch.count, is: 10, "connections in the batch")
                            for _ in 0..<3 { batch.next()?.close() }
                            if way == .throwing { throw Trouble() }
                            if way == .cancelled { try await Task.sleep(for: .seconds(3600)) }
                        }
                        if way == .cancelled {
                            try KernelScenario.wait(for: "the batch is taken") {
                                arrivals.channel.state.withLock { $0.count == 0 }
                            }
                            task.cancel()
                        }
                        try await task.value
                    }
                    expect(way, is: .drops, "the way")
                } catch {
                    expect(way != .drops, "\(error)")
                }
                Self.expectLedger(await kept.resolved(), delivered: 3, discarded: 7)
                expect(try crowd.endings(), is: [.end(""): 3, .reset: 7], "the clients")
            }
        }
    }

    /// The server's thread is held by a job while a crowd comes; then one task is woken once.
    @Test(arguments: EngineChoice.granted.filter { $0 != .ring(.linux5_11) })
    func aCrowdIsOneWakeUp(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let arrivals = try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                    let consumer = Task { await arrivals.nextBatch()?.count }
                    try await Self.waitForConsumers(arrivals)
                    let (isHeld, gate) = (Gate(), Gate())
                    let holder = Task(executorPreference: arrivals.executor) {
                        isHeld.open()
                        gate.wait()
                    }
                    isHeld.wait()
                    let crowd = try Crowd(50, at: arrivals.addresses[0])
                    gate.open()
                    await holder.value
                    expect(await consumer.value, is: 50, "connections in the batch")
                    expect(arrivals.channel.wakeUps, is: 1, "wake-ups")
                    expect(try crowd.endings(), is: [.reset: 50], "the crowd")
                    return arrivals
                }
                Self.expectLedger(arrivals, delivered: 0, discarded: 50)
            }
        }
    }

    private static func waitForConsumers(_ arrivals: Arrivals) async throws {
        while !arrivals.channel.state.withLock({ $0.waitList.hasWaiters(for: .arrival) }) {
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    @Test(arguments: EngineChoice.granted)
    func ofSeveralConsumersEachHasConnectionsOfItsOwn(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let arrivals = try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                    let seen = Lock<Set<ConnectionID>>.Box([])
                    let consumers = (0..<3).map { number in
                        Task.detached {
                            var count = 0
                            if number == 0 {
                                while var batch = await arrivals.nextBatch() {
                                    while let arrival = batch.next() {
                                        _ = seen.value.withLock { $0.insert(arrival.id) }
                                        count += 1
                                        arrival.send("hello")
                                    }
                                }
                            } else {
                                for await connection in arrivals {
                                    _ = seen.value.withLock { $0.insert(connection.id) }
                                    count += 1
                                    connection.close(sending: "hello")
                                }
                            }
                            return count
                        }
                    }
                    // One that waits and is cancelled takes no wake-up along.
                    let quitter = Task { await arrivals.nextBatch()?.count }
                    let crowd = try Crowd(200, at: arrivals.addresses[0])
                    quitter.cancel()
                    _ = await quitter.value
                    let endings = try crowd.endings()
                    arrivals.requestStop()
                    var count = 0
                    for consumer in consumers { count += await consumer.value }
                    // What the one that was cancelled had taken by then.
                    expect(count, is: endings[.end("hello"), default: 0], "connections of the three")
                    expect(seen.value.withLock { $0.count }, is: count, "different connections")
                    expect(endings[.reset, default: 0] + count, is: 200, "clients")
                    return arrivals
                }
                expect(arrivals.counters.accepted, is: 200, "accepted")
                expect(arrivals.counters.delivered + arrivals.counters.discarded, is: 200, "delivered or discarded")
            }
        }
    }

    enum EarlyEnd: String, CaseIterable, Codable {
        case returns, throwing, cancelled, stopped
    }

    /// Nothing is taken of what was accepted.
    @Test(arguments: EngineChoice.granted, EarlyEnd.allCases)
    func theEndOfTheScopeGivesBackWhatWasNotTaken(on engine: EngineChoice, end: EarlyEnd) async {
        await #expect(processExitsWith: .success) { [engine, end] in
            try await KernelScenario.runTask(on: engine) {
                var crowd = try Crowd(0)
                let kept = Outcome<Arrivals>()
                let scope = Task { @MainActor in
                    try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                        crowd = try Crowd(20, at: arrivals.addresses[0])
                        try Self.waitForArrivals(20, arrivals)
                        kept.resolve(arrivals)
                        switch end {
                        case .returns: break
                        case .throwing: throw Trouble()
                        case .cancelled:
                            while !Task.isCancelled { await Task.yield() }
                            for await _ in arrivals { Issue.record("a connection for a task that is cancelled") }
                        case .stopped:
                            arrivals.requestStop()
                            _ = await arrivals.server.waitForEnd()
                            for await _ in arrivals { Issue.record("a connection of a server that has stopped") }
                        }
                    }
                }
                let arrivals = await kept.resolved()
                if end == .cancelled { scope.cancel() }
                if case .failure(let error) = await scope.result { expect(end == .throwing, "\(error)") }
                Self.expectLedger(arrivals, delivered: 0, discarded: 20)
                expect(try crowd.endings(), is: [.reset: 20], "the clients")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func connectionsThatAreKeptPastTheScopeHaveEnded(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                var crowd = try Crowd(0)
                let (kept, arrivals) = try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                    crowd = try Crowd(3, at: arrivals.addresses[0])
                    var kept: [ArrivedConnection] = []
                    for await connection in arrivals {
                        kept.append(connection)
                        if kept.count == 3 { break }
                    }
                    return (kept, arrivals)
                }
                expect(try crowd.endings(), is: [.end(""): 3], "the clients")
                let error = await #expect(throws: ByteStreamError.self) { try await kept[0].withBytes { _, _ in } }
                expect("\(error, default: "none")", is: "the connection has ended: the server has stopped", "the error")
                expect(kept[1].close(sending: "too late"), is: true, "the first close")
                expect(kept[1].close(), is: false, "the second close")
                expect(await kept[2].peerAddress(), is: nil, "the peer")
                Self.expectLedger(arrivals, delivered: 3, discarded: 0)
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aServerThatFailsEndsTheSequenceAndThrows(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let error = await #expect(throws: ServerError.self) {
                    try await withListener(.unshared, options: Self.options(engine)) { arrivals in
                        shutdown(try ListeningDescriptor(of: arrivals.addresses[0]).number, Int32(SHUT_RDWR))
                        for await _ in arrivals { Issue.record("a connection that no client made") }
                    }
                }
                expect(error?.code, is: .listenerDown, "the error")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDrainServesWhoWaitsAndEndsTheSequence(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let options = Self.options(engine, quantum: 8, high: 8, low: 4)
                let arrivals = try await withListener(.unshared, options: options) { arrivals in
                    let crowd = try Crowd(100, at: arrivals.addresses[0])
                    arrivals.requestDrain(within: .seconds(60))
                    for await connection in arrivals { connection.close(sending: "hello") }
                    expect(try crowd.endings(), is: [.end("hello"): 100], "the clients")
                    return arrivals
                }
                Self.expectLedger(arrivals, delivered: 100, discarded: 0)
            }
        }
    }

    /// The scope ends while clients come: each was greeted and delivered, or reset.
    @Test(arguments: EngineChoice.granted)
    func theLedgerIsExactWhenTheScopeEndsInAFlood(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.runTask(on: engine) {
                let greeted = Atomic<UInt64>.Box(0)
                var flood: HelperThread?
                let options = Self.options(engine, quantum: 8, high: 8, low: 4)
                let arrivals = try await withListener(.unshared, options: options) { arrivals in
                    let address = arrivals.addresses[0]
                    flood = HelperThread {
                        var clients: [Client] = []
                        for _ in 0..<2000 {
                            if let client = try? Client(address) { clients.append(client) } else { break }
                        }
                        for client in clients {
                            if case .end("hello") = try? client.readToEnd() { greeted.value.add(1, ordering: .relaxed) }
                        }
                    }
                    var count = 0
                    while var batch = await arrivals.nextBatch() {
                        while count < 500, let arrival = batch.next() {
                            arrival.send("hello")
                            count += 1
                        }
                        if count == 500 { break }
                    }
                    return arrivals
                }
                flood.take()?.join()
                expect(greeted.value.load(ordering: .relaxed), is: 500, "greeted")
                let counters = arrivals.counters
                expect(counters.delivered, is: 500, "delivered")
                expect(counters.accepted, is: counters.delivered + counters.discarded, "accepted")
                expect(counters.waiting, is: 0, "waiting")
            }
        }
    }

    /// 40 waves of 500, on the engine that a server would choose here.
    /// In a process of its own: the consumer needs a thread of the pool, and other tests of this process may block all of them.
    @Test func ofTwentyThousandEachIsAccountedFor() async {
        await #expect(processExitsWith: .success) {
            try await KernelScenario.runTask(on: .highestGranted) {
                let options = Self.options(.highestGranted)
                let arrivals = try await withListener(.unshared, options: options) { arrivals in
                    let consumer = Task.detached {
                        var count = 0
                        for await connection in arrivals {
                            count += 1
                            connection.close(sending: "hello")
                        }
                        return count
                    }
                    for _ in 0..<40 {
                        let endings = try Crowd(500, at: arrivals.addresses[0]).endings()
                        expect(endings, is: [.end("hello"): 500], "the clients")
                    }
                    arrivals.requestStop()
                    expect(await consumer.value, is: 20_000, "delivered")
                    return arrivals
                }
                Self.expectLedger(arrivals, delivered: 20_000, discarded: 0)
            }
        }
    }

    @Test func optionsOutOfRangeAreNamed() async throws {
        for (options, name) in [
            (
                ArrivalOptions(highWater: 0, lowWater: 0),
                "ArrivalOptions.highWater: 0 is out of range; it must be 1 or more"
            ),
            (
                ArrivalOptions(highWater: 4, lowWater: 4),
                "ArrivalOptions.lowWater: 4 is out of range; it must be from 0 to 3"
            ),
        ] {
            let error = await #expect(throws: ServerError.self) {
                try await withListener(.unshared, options: options) { _ in }
            }
            #expect(error?.code == .invalidOption)
            #expect(error?.description == name)
        }
    }

    @Test func anAddressInUseIsAnErrorBeforeTheBody() async throws {
        let taken = try ListenSocket(.unshared, options: [])
        let error = await #expect(throws: ServerError.self) {
            try await withListener(Endpoint(taken.address.description)) { _ in Issue.record("it listens") }
        }
        #expect(error?.code == .addressInUse)
    }
}
