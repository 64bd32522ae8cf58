import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Groups with one shard in trouble, on the real kernel: it blocks, fails or ends while connections of other shards wait for a limit.
@Suite(.serialized) struct ShardTroubleTests {
    static let engines: [EngineChoice] = [.ring(.highestGranted), .epoll]

    private static func options(_ shards: Int, _ engine: EngineChoice, _ admission: Admission?) -> GroupOptions {
        let server = ServerOptions(
            admission: admission,
            quantum: 64,
            engine: EngineOptions(engine, submissionDepth: 64)
        )
        return GroupOptions(shards: shards, server: server)
    }

    /// A group that keeps its clients, greets each with its shard's number, and records the counters of each shard at its end.
    private static func group(
        _ shards: Int,
        _ engine: EngineChoice,
        _ admission: Admission? = nil,
        _ ends: Record<ServerCounters> = Record(),
        onBegin: @escaping @Sendable () -> Void = {}
    ) throws -> ServerGroup<Clerk> {
        try ServerGroup(listening: "127.0.0.1:0", options: options(shards, engine, admission)) { shard in
            var clerk = Clerk()
            clerk.onBegin = { _, _ in
                onBegin()
                return .continue
            }
            clerk.onConnection = { clerk, connection, context in
                connection.send("\(shard.index)")
                clerk.kept.append(context.keep(connection))
                return .continue
            }
            clerk.onEnd = { _, _, context in ends.append(context.counters) }
            return clerk
        }
    }

    /// The counters of one shard once something has come about.
    @discardableResult
    private static func counters(
        of shard: Server<Clerk>,
        once hasCome: (ServerCounters) -> Bool
    ) async throws -> ServerCounters {
        while true {
            let counters = try await shard.status(within: nil).counters
            if hasCome(counters) { return counters }
        }
    }

    /// Has the first shard take every permit while the others are held, and clients of the others wait then.
    private static func fillFirstShard(of group: ServerGroup<Clerk>, clients: Int, limit: UInt64) async throws -> Crowd
    {
        let gate = Gate()
        for shard in group.shards.dropFirst() {
            try shard.hold(until: gate)
            await shard.waitForMail(0)
        }
        let crowd = try Crowd(clients, at: group.addresses[0])
        try await counters(of: group.shards[0]) { $0.delivered == limit }
        gate.open()
        for shard in group.shards { try await counters(of: shard) { $0.waiting > 0 } }
        return crowd
    }

    /// The first of three shards had let ten clients in, and all others were reset, some of every shard. No permit is left behind.
    private static func expectOnlyTheFirstTen(
        of clients: Crowd,
        _ ends: Record<ServerCounters>,
        _ admission: Admission
    ) throws {
        #expect(try clients.endings() == [.end("0"): 10, .reset: 290])
        #expect(admission.all.taken == 0)
        #expect(!admission.all.hasLine)
        #expect(ends.entries.count == 3)
        #expect(ends.entries.map(\.delivered).sorted() == [0, 0, 10])
        for counters in ends.entries {
            #expect(counters.waiting == 0)
            #expect(counters.accepted == counters.delivered + counters.discarded)
            #expect(counters.discarded > 0)
        }
    }

    @Test(arguments: engines)
    func whenAShardsBehaviorFailsClientsThatWaitElsewhereAreReset(on engine: EngineChoice) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 10))
        let ends = Record<ServerCounters>()
        let group = try Self.group(3, engine, admission, ends)
        try await group.start()
        let clients = try await Self.fillFirstShard(of: group, clients: 300, limit: 10)
        // The first shard's connections may end before others hear that the group has: nothing is let in for them.
        try admission.setLimits(AdmissionLimits(maximumOpen: 0))
        try group.shards[2].cast(.perform { _, _ in throw Clerk.Trouble() })
        guard case .failed(is Clerk.Trouble) = await group.waitForEnd() else {
            Issue.record("the group ended otherwise")
            return
        }
        try Self.expectOnlyTheFirstTen(of: clients, ends, admission)
    }

    /// In a process of its own, because a descriptor changes its meaning. The number of a ring of the lowest level counts.
    @Test(arguments: [EngineChoice.ring(.linux5_11), .epoll])
    func whenAShardsEngineFailsClientsThatWaitElsewhereAreReset(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            KernelScenario.speakToTheParent()
            let admission = try Admission(AdmissionLimits(maximumOpen: 10))
            let ends = Record<ServerCounters>()
            let engines = Record<Set<Int32>>()
            let group = try Self.group(3, engine, admission, ends) { engines.append(EngineDescriptors.all) }
            try await group.start()
            let clients = try await Self.fillFirstShard(of: group, clients: 300, limit: 10)
            try admission.setLimits(AdmissionLimits(maximumOpen: 0))
            try EngineDescriptors.lose(engines.entries[2].subtracting(engines.entries[1]))
            // It may have failed by now.
            try? group.shards[2].cast(.add(1))
            let reason = await group.waitForEnd()
            guard case .failed(let error as ServerError) = reason else {
                Issue.record("the group ended otherwise: \(reason)")
                return
            }
            #expect(error.code == .engineUnavailable)
            #expect(error.description.hasPrefix("shard 2: "))
            try Self.expectOnlyTheFirstTen(of: clients, ends, admission)
        }
    }

    /// The same for servers that are no group: the other one goes on.
    @Test(arguments: [EngineChoice.ring(.linux5_11), .epoll])
    func thePermitsOfAServerWhoseEngineFailsLetClientsInElsewhere(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            KernelScenario.speakToTheParent()
            let admission = try Admission(AdmissionLimits(maximumOpen: 10))
            let options = Self.options(1, engine, admission).server
            let failing = try Server(Clerk.keeper, listening: "127.0.0.1:0", options: options)
            let waiting = try Server(Clerk.keeper, listening: "127.0.0.1:0", options: options)
            try await waiting.start()
            let before = EngineDescriptors.all
            try await failing.start()
            let first = try Crowd(10, at: failing.addresses[0])
            try await Self.counters(of: failing) { $0.delivered == 10 }
            let second = try Crowd(30, at: waiting.addresses[0])
            #expect(try await Self.counters(of: waiting) { $0.waiting > 0 }.delivered == 0)
            try EngineDescriptors.lose(EngineDescriptors.all.subtracting(before))
            try? failing.cast(.add(1))
            guard case .failed = await failing.waitForEnd() else {
                Issue.record("the server ended otherwise")
                return
            }
            try await Self.counters(of: waiting) { $0.delivered == 10 }
            #expect(admission.all.taken == 10)
            #expect(try first.endings() == [.end(Clerk.greeting): 10])
            await waiting.stop()
            #expect(try second.endings() == [.end(Clerk.greeting): 10, .reset: 20])
            #expect(admission.all.taken == 0)
        }
    }

    @Test(arguments: engines)
    func aShardThatDrainsLetsClientsInThatWaitOnOthers(on engine: EngineChoice) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 10))
        let ends = Record<ServerCounters>()
        let group = try Self.group(3, engine, admission, ends)
        try await group.start()
        let clients = try await Self.fillFirstShard(of: group, clients: 300, limit: 10)
        // Those that wait with it are reset, and its ten connections end at once.
        guard case .drained(unfinished: 10) = await group.shards[0].drain(queued: .reset, within: .zero) else {
            Issue.record("the shard ended otherwise")
            return
        }
        while try await group.shards[1].status().counters.delivered + group.shards[2].status().counters.delivered < 10 {
        }
        #expect(admission.all.taken == 10)
        // Of two shards that stop, one would let clients in as the other's connections end.
        try admission.setLimits(AdmissionLimits(maximumOpen: 0))
        await group.stop()
        var endings: [Client.Ending: Int] = [:]
        for (ending, count) in try clients.endings() { endings[ending == .end("2") ? .end("1") : ending] = count }
        #expect(endings[.end("0")] == 10)
        #expect(endings[.reset] == 280)
        #expect(ends.entries.map(\.delivered).reduce(0, +) == 20)
        #expect(admission.all.taken == 0)
    }

    @Test(arguments: engines)
    func aShardThatBlocksKeepsNothingFromTheOthers(on engine: EngineChoice) async throws {
        let group = try Self.group(4, engine)
        try await group.start()
        let gate = Gate()
        try group.shards[0].hold(until: gate)
        await group.shards[0].waitForMail(0)
        let clients = try Crowd(400, at: group.addresses[0])
        // Of 400 clients, less than 200 would be hashed to three shards of four less often than once in 10^20 times.
        while clients.clients.count(where: { !$0.hasNothingToRead }) < 200 {}
        for shard in group.shards.dropFirst() { #expect(try await shard.call(Clerk.Call.total) == 0) }
        let unserved = clients.clients.filter(\.hasNothingToRead)
        gate.open()
        var greeted: [String: Int] = [:]
        for client in clients.clients { greeted[try client.read(1), default: 0] += 1 }
        for shard in group.shards.indices {
            let counters = try await group.shards[shard].status().counters
            #expect(Int(counters.delivered) == greeted["\(shard)"])
            #expect(counters.discarded == 0)
        }
        #expect(greeted.values.reduce(0, +) == 400)
        #expect(unserved.count >= greeted["0"] ?? 0)
        await group.stop()
    }

    /// A shard that blocks is in line, and permits that come back are taken elsewhere.
    @Test(arguments: engines)
    func aShardThatBlocksKeepsNoPermitFromTheOthers(on engine: EngineChoice) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 10))
        let group = try Self.group(2, engine, admission)
        try await group.start()
        let (gate, other) = (Gate(), group.shards[1])
        try group.shards[0].hold(until: gate)
        await group.shards[0].waitForMail(0)
        let clients = try Crowd(200, at: group.addresses[0])
        try await Self.counters(of: other) { $0.delivered == 10 && $0.waiting == 1 }
        gate.open()
        try await Self.counters(of: group.shards[0]) { $0.waiting == 1 }
        while admission.all.lineCount < 2 { await Task.yield() }
        let secondGate = Gate()
        try group.shards[0].hold(until: secondGate)
        await group.shards[0].waitForMail(0)
        for round in 1...3 {
            try other.cast(.drop(10))
            let delivered = UInt64(10 + 10 * round)
            try await Self.counters(of: other) { $0.delivered >= delivered && $0.waiting == 1 }
            #expect(try await other.status().counters.delivered == delivered)
            #expect(admission.all.taken == 10)
        }
        secondGate.open()
        #expect(try await group.shards[0].status().counters.delivered == 0)
        try admission.setLimits(AdmissionLimits(maximumOpen: 0))
        await group.stop()
        #expect(try clients.endings() == [.end("1"): 40, .reset: 160])
        #expect(admission.all.taken == 0)
    }

    @Test(arguments: engines, [4, 64])
    func aLimitBelowTheNumberOfShardsIsKeptWhileItChanges(on engine: EngineChoice, shards: Int) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 3))
        let group = try ServerGroup(
            listening: "127.0.0.1:0",
            options: Self.options(shards, engine, admission)
        ) { _ in Clerk.keeper }
        try await group.start()
        let clients = try Crowd(300, at: group.addresses[0])
        // What the limit becomes, how many have been let in by then, and how many of those are open.
        let steps =
            [(3, 3, 3), (1, 3, 3), (4, 4, 4), (0, 4, 4), (2, 4, 4)] + [(0, 4, 0), (2, 6, 2), (1, 6, 2), (3, 7, 3)]
        for (limit, delivered, open) in steps {
            try admission.setLimits(AdmissionLimits(maximumOpen: limit))
            if open == 0 { try group.castAll(.drop(.max)) }
            while try await group.status(within: nil).counters.delivered < delivered || admission.all.taken != open {}
            // By then each shard has gone through another turn with this limit.
            _ = try await group.callAll(Clerk.Call.total)
            let counters = try await group.status(within: nil).counters
            #expect(counters.delivered == delivered)
            #expect(admission.all.taken == open)
            #expect(counters.waiting <= shards)
        }
        try admission.setLimits(AdmissionLimits())
        while try await group.status(within: nil).counters.delivered < 300 {}
        #expect(admission.all.taken == 296)
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 300])
        #expect(admission.all.taken == 0)
    }

    /// It has what a source may have. When the server gives it up, its connections are reset, and one that waited is let in.
    @Test(arguments: engines)
    func aSourceThatOpensEverythingAndNeverReadsHasItsShare(on engine: EngineChoice) async throws {
        let limits = AdmissionLimits(maximumOpen: 60, perSource: .init(maximumOpen: 20))
        let admission = try Admission(limits)
        var options = Self.options(4, engine, admission)
        options.server.closeTimeLimit = .milliseconds(100)
        options.server.socketOptions.append(.sendBuffer(4096))
        let group = try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in
            var clerk = Clerk()
            clerk.onConnection = { clerk, connection, context in
                connection.send([UInt8](repeating: 1, count: 1 << 20))
                clerk.kept.append(context.keep(connection))
                return .continue
            }
            return clerk
        }
        try await group.start()
        let source = try IPAddress("127.0.0.100")
        let greedy = try (0..<500).map { _ in try Client(group.addresses[0], from: source) }
        while try await group.status().counters.overSourceLimit < 480 {}
        let others = try (0..<40).map { try Client(group.addresses[0], from: IPAddress("127.0.0.\(1 + $0 / 20)")) }
        for client in others { #expect(try client.read(1 << 20).utf8.count == 1 << 20) }
        #expect(admission.openCount(of: source) == 20)
        #expect(admission.all.taken == 60)
        let late = try Client(group.addresses[0], from: IPAddress("127.0.0.3"))
        while try await group.status().counters.waiting == 0 {}
        // Its connections are dropped; those of others, which have read everything, end in time.
        try group.castAll(.drop(.max))
        #expect(try late.read(1 << 20).utf8.count == 1 << 20)
        let counters = try await group.status().counters
        #expect(counters.delivered == 61)
        #expect(counters.overSourceLimit == 480)
        while admission.openCount(of: source) > 0 { await Task.yield() }
        #expect(try await group.status().counters.expired == 20)
        await group.stop()
        #expect(try greedy.count { try $0.readToEnd() == .reset } == 500)
        for client in others + [late] { #expect(try client.readToEnd() == .end("")) }
        #expect(admission.all.taken == 0)
    }
}
