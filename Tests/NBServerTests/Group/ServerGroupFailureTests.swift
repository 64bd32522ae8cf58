import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Groups that cannot begin, or cannot go on.
@Suite(.serialized) struct ServerGroupFailureTests {
    private func group(
        _ shards: Int,
        listening endpoints: [Endpoint] = ["127.0.0.1:0"],
        _ clerk: (Shard) -> sending Clerk
    ) throws -> ServerGroup<Clerk> {
        try ServerGroup(listening: endpoints, options: GroupOptions(shards: shards), behavior: clerk)
    }

    /// A clerk that writes down its end.
    private func clerk(_ shard: Shard, _ ends: Record<Int>) -> Clerk {
        var clerk = Clerk.greeter
        clerk.onEnd = { _, _, _ in ends.append(shard.index) }
        return clerk
    }

    @Test func aShardThatCannotBeginEndsThoseThatHave() throws {
        let ends = Record<Int>()
        let group = try group(5) { shard in
            var clerk = clerk(shard, ends)
            if shard.index == 3 { clerk.onBegin = { _, _ in throw Clerk.Trouble() } }
            return clerk
        }
        let address = group.addresses[0]
        let error = #expect(throws: ServerError.self) { try group.startBlocking() }
        #expect(error?.code == .beginFailed)
        #expect(error?.description.hasPrefix("shard 3: begin") == true)
        #expect(ends.entries.sorted() == [0, 1, 2])
        // Nothing listens there any more, so one that does not share finds it free.
        _ = try Server(Clerk(), listening: [Endpoint(address.description)])
    }

    @Test func aShardThatFailsLaterEndsTheGroup() async throws {
        let ends = Record<Int>()
        let group = try group(3) { clerk($0, ends) }
        try await group.start()
        try group.shards[1].cast(.perform { _, _ in throw Clerk.Trouble() })
        guard case .failed(is Clerk.Trouble) = await group.waitForEnd() else {
            Issue.record("the group ended otherwise")
            return
        }
        #expect(ends.entries.sorted() == [0, 1, 2])
        #expect(throws: Client.Refused.self) { try Client(group.addresses[0]) }
    }

    @Test func aShardThatStopsByItselfStopsTheGroup() async throws {
        let ends = Record<Int>()
        let group = try group(3) { clerk($0, ends) }
        try await group.start()
        try group.shards[2].cast(.perform { _, _ in .stop("enough") })
        #expect(await group.waitForEnd().description == "stopped by the behavior: enough")
        #expect(ends.entries.sorted() == [0, 1, 2])
    }

    @Test func aPortThatASecondShardCannotHaveLeavesNothingBound() throws {
        // The behavior insists on a socket that does not share.
        let group = try group(1) { _ in Clerk() }
        let taken = try Server(Clerk(), listening: "127.0.0.1:0")
        let error = #expect(throws: ServerError.self) {
            try self.group(2, listening: ["127.0.0.1:0", Endpoint(taken.addresses[0].description)]) { _ in Clerk() }
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.description.contains("shard 0") == true)
        #expect(group.addresses.count == 1)
    }

    /// Out of descriptors when the second shard binds, in a process of its own.
    @Test func aPortThatOnlyTheSecondShardCannotHaveIsFreeAgain() async {
        await #expect(processExitsWith: .success) {
            let address = try Server(Clerk(), listening: "127.0.0.1:0").addresses[0]
            var made = 0
            let error = #expect(throws: ServerError.self) {
                try ServerGroup(
                    listening: Endpoint(address.description),
                    options: GroupOptions(shards: 3)
                ) { shard in
                    made += 1
                    if shard.index == 1 { DescriptorLimit.lower() }
                    return Clerk()
                }
            }
            DescriptorLimit.raise()
            #expect(made == 2)
            #expect(error?.code == .outOfResources)
            #expect(error?.description.hasPrefix("\(address): shard 1: socket: ") == true)
            // It does not share.
            _ = try Server(Clerk(), listening: Endpoint(address.description))
        }
    }

    @Test func moreShardsThanDescriptorsAreRefusedBeforeTheFirstIsMade() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 64
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            var made = 0
            let error = #expect(throws: ServerError.self) {
                try ServerGroup(listening: "127.0.0.1:0", options: GroupOptions(shards: 32)) { _ in
                    made += 1
                    return Clerk()
                }
            }
            #expect(made == 0)
            #expect(error?.code == .outOfResources)
            #expect(error?.description.contains("163 descriptors before the first client, and the limit is 64") == true)
        }
    }

    @Test(arguments: [-1, 0, 1025]) func aNumberOfShardsThatCannotBeIsRefused(shards: Int) {
        let error = #expect(throws: ServerError.self) { try group(shards, listening: []) { _ in Clerk() } }
        #expect(error?.description == "GroupOptions.shards: \(shards) is out of range; it must be from 1 to 1024")
    }

    @Test func aGroupThatWasStoppedDoesNotRun() async throws {
        let ends = Record<Int>()
        let group = try group(2) { clerk($0, ends) }
        #expect(await group.stop().description == "stop requested")
        try await group.start()
        #expect(group.endedBlockingForTests()?.description == "stop requested")
        #expect(ends.entries.isEmpty)
        #expect(throws: Client.Refused.self) { try Client(group.addresses[0]) }
    }

    @Test func aGroupRunsOnce() async throws {
        let group = try group(2) { _ in Clerk() }
        try await group.start()
        let error = #expect(throws: ServerError.self) { try group.startBlocking() }
        #expect(error?.code == .alreadyRan)
        await group.stop()
    }

    @Test func aGroupThatNeverRanAndIsDroppedLetsGoOfItsPort() throws {
        var group: ServerGroup<Clerk>? = try group(3) { _ in Clerk() }
        let address = try #require(group?.addresses[0])
        group = nil
        #expect(throws: Client.Refused.self) { try Client(address) }
    }

    /// A shard would wait for itself.
    @Test func noCallbackWaitsForTheGroupsEnd() async throws {
        let group = try group(2) { _ in Clerk() }
        try await group.start()
        let reasons = Record<String>()
        try group.shards[1].cast(
            .perform { [unowned group] _, _ in
                reasons.append(group.endedBlockingForTests().map { "\($0)" } ?? "none")
                return .continue
            }
        )
        while reasons.entries.isEmpty { await Task.yield() }
        #expect(reasons.entries == ["none"])
        await group.stop()
    }

    // Listeners.

    /// The shard that blocks handles the request after its time, and then the one that takes it back.
    @Test(arguments: [0, 1])
    func aShardThatDoesNotAnswerDoesNotListenLater(blocked: Int) async throws {
        let group = try group(2) { _ in Clerk() }
        try await group.start()
        let address = try Endpoint.unshared.resolved()
        let free = try Server(Clerk(), listening: [Endpoint(address.description)]).addresses[0]
        let gate = Gate()
        try group.shards[blocked].hold(until: gate)
        let error = await #expect(throws: ServerError.self) {
            try await group.addListener(on: Endpoint(free.description), within: .milliseconds(10))
        }
        #expect(error?.code == .unanswered)
        gate.open()
        for shard in group.shards {
            let status = try await shard.status(within: nil)
            #expect(status.listeners.count == 1)
        }
        await group.stop()
    }

    /// The same for one that is to pause.
    @Test func aShardThatDoesNotAnswerDoesNotPauseLater() async throws {
        let group = try group(2) { _ in Clerk() }
        try await group.start()
        let gate = Gate()
        try group.shards[1].hold(until: gate)
        let error = await #expect(throws: ServerError.self) {
            try await group.pauseListener(on: group.addresses[0], within: .milliseconds(10))
        }
        #expect(error?.code == .unanswered)
        gate.open()
        for shard in group.shards {
            let status = try await shard.status(within: nil)
            #expect(status.listeners.map(\.activity) == [.accepting])
        }
        await group.stop()
    }

    @Test func aListenerIsAddedPausedAndRemovedForAll() async throws {
        let group = try group(3) { _ in .greeter }
        try await group.start()
        let address = try await group.addListener(on: "127.0.0.1:0")
        #expect(group.shards.allSatisfy { $0.addresses == [group.addresses[0], address] })
        #expect(try Crowd(200, at: address).endings() == [.end(Clerk.greeting): 200])
        try await group.pauseListener(on: address)
        let waiting = try Crowd(50, at: address)
        try await group.resumeListener(on: address)
        #expect(try waiting.endings() == [.end(Clerk.greeting): 50])
        try await group.removeListener(on: address)
        #expect(throws: Client.Refused.self) { try Client(address) }
        #expect(group.shards.allSatisfy { $0.addresses == [group.addresses[0]] })
        #expect(try Crowd(200, at: group.addresses[0]).endings() == [.end(Clerk.greeting): 200])
        await group.stop()
    }

    @Test func aListenerThatOneShardCannotHaveNoneHas() async throws {
        let group = try group(3) { _ in .greeter }
        try await group.start()
        let address = try await group.addListener(on: "127.0.0.1:0")
        try await group.shards[1].removeListener(on: address)
        let other = try await group.shards[1].addListener(on: Endpoint(address.description)).address
        #expect(other == address)
        // The others have it already.
        let error = await #expect(throws: ServerError.self) {
            try await group.addListener(on: Endpoint(address.description))
        }
        #expect(error?.code == .alreadyListening)
        // Of one that the second has already, the first does not keep it.
        let alone = try await group.shards[1].addListener(on: "127.0.0.1:0", options: [.reusePort(true)]).address
        let refusal = await #expect(throws: ServerError.self) {
            try await group.addListener(on: Endpoint(alone.description))
        }
        #expect(refusal?.code == .alreadyListening)
        #expect(refusal?.description.contains("shard 1") == true)
        #expect(!group.shards[0].addresses.contains(alone))
        #expect(group.shards[1].addresses.contains(alone))
        await group.stop()
    }

    @Test func aPauseThatOneShardCannotMakeNoneMakes() async throws {
        let group = try group(3) { _ in .greeter }
        try await group.start()
        let address = group.addresses[0]
        try await group.shards[2].addListener(on: "127.0.0.1:0")
        try await group.shards[2].removeListener(on: address)
        let error = await #expect(throws: ServerError.self) { try await group.pauseListener(on: address) }
        #expect(error?.code == .notListening)
        #expect(try Crowd(100, at: address).endings() == [.end(Clerk.greeting): 100])
        await group.stop()
    }
}

extension ServerGroup where Behavior: ~Copyable {
    /// The end, from a task of a test that may block.
    fileprivate func endedBlockingForTests() -> StopReason? { groupEnd.outcome.value?.reason }
}
