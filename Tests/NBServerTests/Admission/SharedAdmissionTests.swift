import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

@testable import NBServer

/// Limits that the shards of a group share, or servers that listen elsewhere, on the real kernel: from floods of clients exactly as many are
/// let in as the limits allow.
@Suite(.serialized) struct SharedAdmissionTests {
    private static let engines: [EngineChoice] = [.ring(.highestGranted), .epoll]
    private static let clientCount = 1000

    private func group(
        _ shards: Int,
        _ engine: EngineChoice,
        _ admission: Admission,
        listeners: Int = 1
    ) throws -> ServerGroup<Clerk> {
        let server = ServerOptions(
            admission: admission,
            quantum: 64,
            engine: EngineOptions(engine, submissionDepth: 64)
        )
        let endpoints = [Endpoint](repeating: "127.0.0.1:0", count: listeners)
        return try ServerGroup(listening: endpoints, options: GroupOptions(shards: shards, server: server)) { _ in
            .keeper
        }
    }

    /// What the group has counted once something has come about.
    private func counters(
        of group: ServerGroup<Clerk>,
        once hasCome: (ServerCounters) -> Bool
    ) async throws -> ServerCounters {
        while true {
            let counters = try await group.status(within: nil).counters
            if hasCome(counters) { return counters }
        }
    }

    @Test(arguments: engines, [1, 4, 64])
    func ofAFloodAsManyAreLetInAsTheLimitAllowsAndTheOthersAreReset(on engine: EngineChoice, shards: Int) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 100, whenReached: .reset))
        let group = try group(shards, engine, admission)
        try await group.start()
        let clients = try Crowd(Self.clientCount, at: group.addresses[0])
        let counters = try await counters(of: group) { $0.delivered + $0.discarded == Self.clientCount }
        #expect(counters.delivered == 100)
        #expect(counters.overLimit == 900)
        #expect(counters.discarded == 900)
        #expect(counters.waiting == 0)
        #expect(admission.all.taken == 100)
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 100, .reset: 900])
        #expect(admission.all.taken == 0)
    }

    @Test(arguments: engines, [1, 4, 64])
    func thoseThatWaitAreLetInOneForEachThatEnds(on engine: EngineChoice, shards: Int) async throws {
        let limit = 100
        let admission = try Admission(AdmissionLimits(maximumOpen: limit))
        let group = try group(shards, engine, admission)
        try await group.start()
        let clients = try Crowd(Self.clientCount, at: group.addresses[0])
        for round in 1...Self.clientCount / limit {
            _ = try await counters(of: group) { $0.delivered >= round * limit }
            let counters = try await group.status().counters
            #expect(counters.delivered == round * limit)
            #expect(counters.waiting <= shards * 129)
            #expect(admission.all.taken == limit)
            // Of each shard what it has now: a place that one frees is another's at once.
            let held = try await group.callAll(Clerk.Call.kept)
            #expect(held.reduce(0, +) == limit)
            for (shard, count) in zip(group.shards, held) { try shard.cast(.drop(count)) }
        }
        #expect(try clients.endings() == [.end(Clerk.greeting): Self.clientCount])
        let counters = try await counters(of: group) { _ in admission.all.taken == 0 }
        #expect(counters.waiting == 0)
        #expect(counters.discarded == 0)
        await group.stop()
    }

    @Test(arguments: engines, [1, 4])
    func eachListenerHasItsShareOnAllShards(on engine: EngineChoice, shards: Int) async throws {
        let limits = AdmissionLimits(maximumOpen: 130, perListener: .init(maximumOpen: 60), whenReached: .reset)
        let admission = try Admission(limits)
        let group = try group(shards, engine, admission, listeners: 2)
        try await group.start()
        let clients = try Crowd(200, at: group.addresses[0], group.addresses[1])
        let counters = try await counters(of: group) { $0.delivered + $0.discarded == 400 }
        #expect(counters.delivered == 120)
        #expect(counters.overLimit == 280)
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 120, .reset: 280])
        #expect(admission.all.taken == 0)
    }

    @Test(arguments: engines, [1, 4, 64])
    func atARateABurstIsLetInAndThenOneForEachInterval(on engine: EngineChoice, shards: Int) async throws {
        let rate = AdmissionLimits.Rate(perSecond: 1, burst: 100)
        let admission = try Admission(AdmissionLimits(rate: rate, whenReached: .reset))
        let group = try group(shards, engine, admission)
        try await group.start()
        let start = Instant.now
        let clients = try Crowd(300, at: group.addresses[0])
        let counters = try await counters(of: group) { $0.delivered + $0.discarded == 300 }
        let seconds = start.duration(to: .now).components.seconds
        #expect((100...101 + UInt64(seconds)).contains(counters.delivered))
        #expect(counters.overLimit == 300 - counters.delivered)
        await group.stop()
        let delivered = Int(counters.delivered)
        #expect(try clients.endings() == [.end(Clerk.greeting): delivered, .reset: 300 - delivered])
    }

    @Test(arguments: engines, [1, 4])
    func atARateClientsWaitForTheirTurnOnWhicheverShard(on engine: EngineChoice, shards: Int) async throws {
        let admission = try Admission(AdmissionLimits(rate: AdmissionLimits.Rate(perSecond: 1000, burst: 10)))
        let group = try group(shards, engine, admission)
        let clients = try Crowd(200, at: group.addresses[0])
        let start = Instant.now
        try await group.start()
        let counters = try await counters(of: group) { $0.delivered == 200 }
        // The last one comes 189 intervals after the burst.
        #expect(start.duration(to: .now) >= .milliseconds(189))
        #expect(counters.discarded == 0)
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 200])
    }

    @Test(arguments: engines) func aServerThatEndsLetsThoseInThatWaitElsewhere(on engine: EngineChoice) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 10))
        let options = ServerOptions(admission: admission, engine: EngineOptions(engine))
        let full = try Server(Clerk.keeper, listening: "127.0.0.1:0", options: options)
        let waiting = try Server(Clerk.keeper, listening: "127.0.0.1:0", options: options)
        try await full.start()
        try await waiting.start()
        let first = try Crowd(10, at: full.addresses[0])
        while try await full.status().counters.delivered < 10 {}
        let second = try Crowd(10, at: waiting.addresses[0])
        while try await waiting.status().counters.waiting == 0 {}
        #expect(try await waiting.status().counters.delivered == 0)
        #expect(try await waiting.status().listeners.map(\.activity) == [.atLimit(.open)])
        await full.stop()
        #expect(try first.endings() == [.end(Clerk.greeting): 10])
        while try await waiting.status().counters.delivered < 10 {}
        await waiting.stop()
        #expect(try second.endings() == [.end(Clerk.greeting): 10])
        #expect(admission.all.taken == 0)
    }

    @Test(arguments: engines, [1, 4, 64])
    func ofTwoHundredSourcesEachHasWhatItMay(on engine: EngineChoice, shards: Int) async throws {
        let rules = try SourceRules([(AddressPrefix("127.0.1.0/24"), .deny)], default: .allow)
        let admission = try Admission(AdmissionLimits(perSource: .init(maximumOpen: 2)), rules: rules)
        let group = try group(shards, engine, admission)
        try await group.start()
        // Five clients of each of 100 sources that are allowed, and of 100 that are not.
        var clients = try Crowd(0, at: group.addresses[0])
        for number in 0..<1000 {
            let source = number % 200
            clients.clients.append(
                try Client(
                    group.addresses[0],
                    from: IPAddress("127.0.\(source % 2).\(10 + source / 2)")
                )
            )
        }
        let counters = try await counters(of: group) { $0.delivered + $0.discarded == 1000 }
        #expect(counters.delivered == 200)
        #expect(counters.overSourceLimit == 300)
        #expect(counters.denied == 500)
        #expect(counters.discarded == 800)
        #expect(admission.sourceCount == 100)
        for source in 0..<100 { #expect(admission.openCount(of: try IPAddress("127.0.0.\(10 + source)")) == 2) }
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 200, .reset: 800])
        for source in 0..<100 { #expect(admission.openCount(of: try IPAddress("127.0.0.\(10 + source)")) == 0) }
    }

    @Test(arguments: engines, [1, 4])
    func aLastWordIsReadToItsEnd(on engine: EngineChoice, shards: Int) async throws {
        let word = String(repeating: "come back later. ", count: 100)
        let admission = try Admission(AdmissionLimits(maximumOpen: 10, whenReached: .lastWord(Array(word.utf8))))
        let group = try group(shards, engine, admission)
        try await group.start()
        let clients = try Crowd(200, at: group.addresses[0])
        // Some have spoken.
        for client in clients.clients.suffix(50) { try? client.send("hello?") }
        let counters = try await counters(of: group) { $0.delivered + $0.discarded == 200 }
        #expect(counters.delivered == 10)
        #expect(counters.overLimit == 190)
        #expect(admission.all.taken == 10)
        for client in clients.clients { client.finish() }
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 10, .end(word): 190])
    }

    /// Shards stop, and limits change, while clients come and go.
    @Test(arguments: engines) func limitsAreChangedUnderLoad(on engine: EngineChoice) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 5))
        let server = ServerOptions(admission: admission, quantum: 16, engine: EngineOptions(engine))
        let group = try ServerGroup(listening: "127.0.0.1:0", options: GroupOptions(shards: 3, server: server)) { _ in
            Clerk.greeter
        }
        try await group.start()
        let storm = try Storm(on: group.addresses[0], limit: 2000)
        for round in 0..<200 {
            try admission.setLimits(
                AdmissionLimits(
                    maximumOpen: [0, 1, 50, nil][round % 4],
                    perListener: .init(maximumOpen: [nil, 2][round / 4 % 2])
                )
            )
            try group.shards[round % 3].cast(.add(1))
            await Task.yield()
        }
        try admission.setLimits(AdmissionLimits(maximumOpen: 3))
        var endings: [Client.Ending: Int] = [:]
        for client in try await onThread({ storm.wait() }) { endings[try client.readToEnd(), default: 0] += 1 }
        #expect(endings == [.end(Clerk.greeting): 2000])
        let counters = try await counters(of: group) { _ in admission.all.taken == 0 }
        #expect(counters.delivered == 2000)
        await group.stop()
    }
}

extension Clerk.Cast {
    /// Ends the first connections that are kept.
    static func drop(_ count: Int) -> Self {
        .perform { clerk, context in
            for id in clerk.kept.prefix(count) { try context.take(id).close() }
            clerk.kept.removeFirst(min(count, clerk.kept.count))
            return .continue
        }
    }
}

extension Clerk.Call {
    /// How many connections are kept.
    fileprivate static func kept(_ caller: Caller<Int>) -> Self {
        .perform(
            { clerk, caller, _ in
                caller.reply(clerk.kept.count)
                return .continue
            },
            caller
        )
    }
}

extension Client {
    /// A client with an address of its own on the loopback interface.
    convenience init(_ address: SocketAddress, from source: IPAddress) throws {
        self.init(family: address.family)
        let local = SocketAddress.ip(source, port: 0)
        guard local.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else { throw Failed(errno: errno) }
        try connect(to: address)
    }
}
