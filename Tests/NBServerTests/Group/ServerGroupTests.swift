import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Groups of servers on the real kernel: what their shards add up to.
@Suite(.serialized) struct ServerGroupTests {
    private static let engines: [EngineChoice] = [.ring(.highestGranted), .epoll]

    private func options(_ shards: Int?, _ engine: EngineChoice = .ring(.highestGranted)) -> GroupOptions {
        GroupOptions(
            shards: shards,
            server: ServerOptions(quantum: 64, engine: EngineOptions(engine, submissionDepth: 64))
        )
    }

    private func group(
        _ shards: Int?,
        _ engine: EngineChoice = .ring(.highestGranted),
        listening endpoints: [Endpoint] = ["127.0.0.1:0"],
        _ clerk: (Shard) -> sending Clerk = { _ in .greeter }
    ) throws -> ServerGroup<Clerk> {
        try ServerGroup(listening: endpoints, options: options(shards, engine), behavior: clerk)
    }

    @Test(arguments: engines, [1, 2, 4, 64])
    func everyClientOfAPortIsServedOnceByOneOfItsShards(on engine: EngineChoice, shards: Int) async throws {
        let group = try group(shards, engine)
        #expect(Set(group.shards.map(\.addresses)) == [group.addresses])
        try await group.start()
        let clients = try Crowd(1500, at: group.addresses[0])
        #expect(try clients.endings() == [.end(Clerk.greeting): 1500])
        let status = try await group.status()
        #expect(status.shards.count == shards)
        #expect(status.counters.delivered == 1500)
        #expect(status.counters.accepted == 1500)
        #expect(status.counters.discarded == 0)
        // The kernel hashes addresses: of 1,500 clients one of a few shards would have none less often than once in 10^180 times.
        if shards <= 4 { #expect(status.shards.allSatisfy { $0.counters.delivered > 0 }) }
        #expect(await group.stop().description == "stop requested")
        #expect(throws: Client.Refused.self) { try Client(group.addresses[0]) }
    }

    @Test func theBehaviorIsToldItsShard() async throws {
        let seen = Record<Shard>()
        let group = try group(3) { shard in
            seen.append(shard)
            return Clerk()
        }
        #expect(seen.entries == (0..<3).map { Shard(index: $0, count: 3, processor: nil) })
        group.requestStop()
        #expect(await group.stop().description == "stop requested")
    }

    @Test func withoutANumberThereIsAShardForEachProcessor() throws {
        let group = try group(nil)
        #expect(group.shards.count == Processors().usableCount)
    }

    @Test func aThreadThatIsPinnedKeepsToItsProcessor() async throws {
        let seen = Record<[Int]>()
        var options = options(2)
        options.isPinned = true
        let allowed = Processors().allowed
        let group = try ServerGroup(listening: [], options: options) { shard in
            #expect(shard.processor == allowed[shard.index % allowed.count])
            var clerk = Clerk()
            clerk.onBegin = { _, _ in
                seen.append(Processors().allowed)
                return .continue
            }
            return clerk
        }
        try await group.start()
        #expect(seen.entries == (0..<2).map { [allowed[$0 % allowed.count]] })
        await group.stop()
        #expect(Processors().allowed == allowed)
    }

    @Test func callsAndCastsReachEveryShard() async throws {
        let group = try group(3, listening: [])
        try await group.start()
        try group.castAll(.add(5))
        try group.shards[1].cast(.add(1))
        #expect(try await group.callAll(Clerk.Call.total) == [5, 6, 5])
        #expect(try await group.status().counters.messages == 7)
        await group.stop()
        await #expect(throws: CallError.self) { try await group.callAll(Clerk.Call.total) }
        #expect(throws: CastError.self) { try group.castAll(.add(1)) }
    }

    @Test func aCallOfWhichOneShardGivesNoAnswerFailsAndLeavesNothingBehind() async throws {
        let group = try group(3, listening: [])
        try await group.start()
        let gate = Gate()
        try group.shards[1].hold(until: gate)
        await #expect(throws: CallError.self) { try await group.callAll(Clerk.Call.total, within: .milliseconds(1)) }
        gate.open()
        #expect(try await group.callAll(Clerk.Call.total) == [0, 0, 0])
        await group.stop()
    }

    @Test(arguments: engines) func aDrainServesWhatWaitsInEveryQueue(on engine: EngineChoice) async throws {
        let group = try group(4, engine)
        try await group.start()
        try await group.pauseListener(on: group.addresses[0])
        let clients = try Crowd(400, at: group.addresses[0])
        #expect(await group.drain(within: .seconds(30)).description == "drained")
        let endings = try clients.endings()
        // An accept that was armed when its listener paused may have taken one client before.
        #expect(endings == [.end(Clerk.greeting): 400])
        #expect(throws: Client.Refused.self) { try Client(group.addresses[0]) }
    }

    @Test func theConnectionsThatADrainLeavesAreAddedUp() async throws {
        let group = try group(2) { _ in .keeper }
        try await group.start()
        let clients = try Crowd(20, at: group.addresses[0])
        for client in clients.clients { #expect(try client.read(Clerk.greeting.utf8.count) == Clerk.greeting) }
        guard case .drained(unfinished: 20) = await group.drain(within: .zero) else {
            Issue.record("the group ended otherwise")
            return
        }
    }

    @Test func everyShardHearsOfASignal() async {
        await #expect(processExitsWith: .success) {
            let ended = Record<String>()
            let group = try ServerGroup(listening: "127.0.0.1:0", options: GroupOptions(shards: 3)) { shard in
                var clerk = Clerk()
                clerk.onEnd = { _, reason, _ in ended.append("\(reason)") }
                if shard.index == 2 {
                    clerk.onBegin = { _, _ in
                        kill(getpid(), SIGTERM)
                        return .continue
                    }
                }
                return clerk
            }
            let reason = try await onThread { Result { try group.run(stoppingOn: [.interrupt, .terminate]) } }.get()
            guard case .signal(.terminate) = reason else { exit(1) }
            // A shard that has ended stops the others, of which one may not have heard of the signal yet.
            let reasons = Set(ended.entries).subtracting(["stop requested"])
            exit(ended.entries.count == 3 && reasons == ["signal \(Signal.terminate)"] ? EXIT_SUCCESS : 2)
        }
    }
}
