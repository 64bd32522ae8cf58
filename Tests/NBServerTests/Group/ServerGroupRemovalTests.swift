import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// A group that removes a listener while clients are queued on it, on the real kernel.
@Suite(.serialized) struct ServerGroupRemovalTests {
    private static let engines: [EngineChoice] = [.ring(.highestGranted), .ring(.linux5_11), .epoll]

    private func group(
        _ shards: Int,
        _ engine: EngineChoice,
        _ admission: Admission? = nil,
        _ clerk: Clerk = .greeter
    ) throws -> ServerGroup<Clerk> {
        let engine = EngineOptions(engine, submissionDepth: 64)
        let server = ServerOptions(admission: admission, quantum: 64, engine: engine)
        let options = GroupOptions(shards: shards, server: server)
        return try ServerGroup(listening: "127.0.0.1:0", options: options) { _ in clerk }
    }

    /// Holds every shard in a callback until the gate is opened, and has clients connect meanwhile.
    private func hold(_ group: ServerGroup<Clerk>, until gate: Gate, clients count: Int) async throws -> Crowd {
        for shard in group.shards {
            try shard.hold(until: gate)
            await shard.waitForMail(0)
        }
        return try Crowd(count, at: group.addresses[0])
    }

    @Test(arguments: engines)
    func clientsThatAreQueuedWhenAListenerIsRemovedAreServed(on engine: EngineChoice) async throws {
        let group = try group(3, engine)
        try await group.start()
        let address = group.addresses[0]
        let gate = Gate()
        let clients = try await hold(group, until: gate, clients: 300)
        async let removal: Void = group.removeListener(on: address, within: nil)
        for shard in group.shards { while !shard.mailbox.hasMessages { await Task.yield() } }
        gate.open()
        try await removal
        #expect(throws: Client.Refused.self) { try Client(address) }
        #expect(group.shards.allSatisfy { $0.addresses.isEmpty })
        let counters = try await group.status().counters
        #expect(counters.delivered == 300)
        #expect(counters.discarded == 0)
        #expect(try clients.endings() == [.end(Clerk.greeting): 300])
        await group.stop()
    }

    /// More than an accept takes at once, and one listener rests.
    @Test(arguments: engines)
    func aListenerThatIsPausedServesItsQueueBeforeItIsRemoved(on engine: EngineChoice) async throws {
        let group = try group(2, engine)
        try await group.start()
        let address = group.addresses[0]
        try await group.pauseListener(on: address)
        let clients = try Crowd(400, at: address)
        try await group.removeListener(on: address, within: nil)
        let counters = try await group.status().counters
        #expect(counters.delivered == 400)
        #expect(counters.discarded == 0)
        #expect(try clients.endings() == [.end(Clerk.greeting): 400])
        await group.stop()
    }

    @Test(arguments: engines)
    func clientsThatWaitAtALimitWhenAListenerIsRemovedAreReset(on engine: EngineChoice) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 10))
        let group = try group(3, engine, admission, .keeper)
        try await group.start()
        let clients = try Crowd(200, at: group.addresses[0])
        for shard in group.shards { while try await shard.status().counters.waiting == 0 {} }
        try await group.removeListener(on: group.addresses[0], within: nil)
        // Discarded at the end of the turn in which the listener closed.
        while try await group.status().counters.waiting > 0 {}
        let counters = try await group.status().counters
        #expect(counters.delivered == 10)
        #expect(counters.discarded == counters.accepted - 10)
        #expect(counters.discarded >= 3)
        #expect(admission.all.taken == 10)
        await group.stop()
        #expect(try clients.endings() == [.end(Clerk.greeting): 10, .reset: 190])
        #expect(admission.all.taken == 0)
    }

    @Test(arguments: engines)
    func aShardThatBlocksServesItsQueueWhenItsListenerIsRemovedLate(on engine: EngineChoice) async throws {
        let group = try group(3, engine)
        try await group.start()
        let address = group.addresses[0]
        let gate = Gate()
        try group.shards[1].hold(until: gate)
        await group.shards[1].waitForMail(0)
        let clients = try Crowd(300, at: address)
        let error = await #expect(throws: ServerError.self) {
            try await group.removeListener(on: address, within: .milliseconds(1))
        }
        #expect(error?.code == .unanswered)
        #expect(error?.description.contains("shard ") == true)
        gate.open()
        while !group.shards.allSatisfy({ $0.addresses.isEmpty }) { await Task.yield() }
        #expect(try clients.endings() == [.end(Clerk.greeting): 300])
        #expect(try await group.status().counters.delivered == 300)
        await group.stop()
    }

    @Test(arguments: engines)
    func aListenerThatIsNotThereIsAnErrorOfTheFirstShard(on engine: EngineChoice) async throws {
        let group = try group(2, engine)
        try await group.start()
        let error = await #expect(throws: ServerError.self) {
            try await group.removeListener(on: SocketAddress("127.0.0.1:9"))
        }
        #expect(error?.code == .notListening)
        #expect(error?.description.contains("shard 0: ") == true)
        await group.stop()
    }

    /// Each accept that is armed looks at the queue, since the kernel may have moved clients there.
    @Test(arguments: engines)
    func afterAListenerHasClosedTheOthersLookAtTheirQueuesOnce(on engine: EngineChoice) async throws {
        let group = try group(3, engine)
        try await group.start()
        for shard in group.shards { while try await shard.status().counters.armed < 1 {} }
        _ = await group.shards[0].drain(within: .zero)
        for shard in group.shards.dropFirst() { while try await shard.status().counters.armed < 2 {} }
        let address = group.shards[1].addresses[0]
        #expect(try Crowd(1, at: address).endings() == [.end(Clerk.greeting): 1])
        // One at a time, one of them is armed for another client.
        let expected: UInt64 = engine == .ring(.linux5_11) ? 5 : 4
        while try await armed(group.shards[1...]) < expected {}
        #expect(try await armed(group.shards[1...]) == expected)
        await group.stop()
    }

    private func armed(_ shards: ArraySlice<Server<Clerk>>) async throws -> UInt64 {
        var count: UInt64 = 0
        for shard in shards { count += try await shard.status().counters.armed }
        return count
    }
}
