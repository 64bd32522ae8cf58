// Placement: the server has a CPU to itself, and its clients have all others.

import Testing

@testable import Measuring

struct PlacementTests {
    @Test(arguments: [
        ("\t0-1", 0, [1]), ("0-3", 0, [1, 2, 3]), ("2,5", 2, [5]), ("1-2,7,9-10", 1, [2, 7, 9, 10]),
    ]) func theServerHasTheFirst(allowed: String, server: Int, clients: [Int]) throws {
        let placement = try #require(Placement(allowed: allowed))
        #expect(placement.servers == [server])
        #expect(placement.clients == clients)
    }

    @Test(arguments: ["", "0", "\t3\n"]) func oneCPUCannotBeShared(allowed: String) {
        #expect(Placement(allowed: allowed) == nil)
    }

    @Test func shardsHaveTheFirstOnes() throws {
        let some = try #require(Placement(allowed: "0-3", servers: 2))
        #expect(some.servers == [0, 1])
        #expect(some.clients == [2, 3])
        #expect(!some.isShared)
        #expect(some.onServerCPU(["x"]) == ["taskset", "--cpu-list", "0,1", "x"])
        // Clients that have none of their own have all.
        for count in [2, 3, 64] {
            let all = try #require(Placement(allowed: "0-1", servers: count))
            #expect(all.servers == [0, 1])
            #expect(all.clients == [0, 1])
            #expect(all.isShared)
        }
    }

    @Test func itIsDescribedInWords() {
        #expect(Placement.describe(Placement(allowed: "0-1")) == "servers on CPU 0, clients on CPU 1")
        #expect(Placement.describe(Placement(allowed: "0-1,3")) == "servers on CPU 0, clients on CPUs 1,3")
        #expect(
            Placement.describe(Placement(allowed: "0-3", servers: 2)) == "servers on CPUs 0,1, clients on CPUs 2,3"
        )
        #expect(Placement.describe(Placement(allowed: "0-1", servers: 2)) == "servers on CPUs 0,1, clients on the same")
        #expect(Placement.describe(nil) == "not pinned: there is only one CPU")
    }

    @Test func serversAreStartedThroughTaskset() throws {
        let placement = try #require(Placement(allowed: "4-5"))
        #expect(placement.onServerCPU(["echo", "x"]) == ["taskset", "--cpu-list", "4", "echo", "x"])
    }
}
