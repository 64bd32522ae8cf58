import Testing

@testable import NBServer

/// What a group takes of a process's limits, and which processors it may use.
@Suite struct GroupBudgetTests {
    private func refusal(
        _ shards: Int,
        listeners: Int = 1,
        _ options: ServerOptions = ServerOptions(),
        descriptors: UInt64? = nil,
        lockedMemory: UInt64? = nil
    ) -> String? {
        let budget = GroupBudget(shards: shards, listeners: listeners, options: options)
        do throws(ServerError) {
            try budget.expectToFit(GroupBudget.Limits(descriptors: descriptors, lockedMemory: lockedMemory))
            return nil
        } catch {
            #expect(error.code == .outOfResources)
            return error.description
        }
    }

    @Test func aGroupTakesADescriptorForEachListenerAndFourForEachShard() {
        #expect(refusal(4, listeners: 10, descriptors: 59) == nil)
        #expect(
            refusal(4, listeners: 10, descriptors: 58)
                == "make 4 shards: 4 shards with 10 listeners each take 59 descriptors before the first client, and the limit is 58: "
                + "raise it (ulimit -n, LimitNOFILE=), or ask for fewer shards"
        )
    }

    @Test func sixtyFourShardsFitIntoTheUsualLimitOfLockedMemory() {
        #expect(GroupBudget(shards: 1, listeners: 1, options: ServerOptions()).lockedBytes == 24 << 10)
        #expect(refusal(64, lockedMemory: 8 << 20) == nil)
        #expect(refusal(342, lockedMemory: 8 << 20)?.hasPrefix("make 342 shards: 342 rings lock 8208 KiB") == true)
        #expect(refusal(341, lockedMemory: 8 << 20) == nil)
    }

    @Test func epollLocksNothing() {
        #expect(refusal(1024, ServerOptions(engine: .epoll), lockedMemory: 0) == nil)
    }

    @Test func aQuotaIsRoundedUpAndCountsOnlyIfItIsLess() {
        #expect(Processors(allowed: [0, 2, 5, 7], quota: nil).usableCount == 4)
        #expect(Processors(allowed: [0, 2, 5, 7], quota: 1500).usableCount == 2)
        #expect(Processors(allowed: [0, 2, 5, 7], quota: 9000).usableCount == 4)
        #expect(Processors(allowed: [0, 2], quota: 10).usableCount == 1)
        #expect(Processors(allowed: [], quota: nil).usableCount == 1)
    }

    @Test func theKernelSaysWhichProcessorsThereAre() throws {
        let files = ["/proc/self/cgroup": "0::/shop\n", "/proc/self/mountinfo": ""]
        let processors = Processors { files[$0].map { SystemText($0) } ?? .absent }
        #expect(processors.quota == nil)
        let list = try SystemText.read("/proc/thread-self/status").statusLine("Cpus_allowed_list")
        let ranges = list.split(separator: ",").map { $0.split(separator: "-").compactMap { Int($0) } }
        #expect(processors.allowed == ranges.flatMap { Array($0[0]...($0.last ?? $0[0])) })
    }

    @Test func aProcessorThatIsNotThereCannotBeKeptTo() throws {
        let error = #expect(throws: ServerError.self) { try Processors.pinThread(to: 8000) }
        #expect(error?.code == .thread)
        #expect(error?.description.contains("GroupOptions.isPinned") == true)
    }
}
