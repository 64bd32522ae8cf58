// KernelCounters: those of drops that have moved, by name.

import Testing

@testable import Measuring
@testable import accept_bench

struct KernelCountersTests {
    private func counters(
        overflows: Int,
        drops: Int,
        reset: Int = 0,
        retransmissions: Int = 0,
        segments: Int = 0
    ) throws -> KernelCounters {
        try KernelCounters(
            netstat: """
                TcpExt: SyncookiesSent ListenOverflows TCPAbortOnData ListenDrops
                TcpExt: 5 \(overflows) \(reset) \(drops)
                IpExt: ListenDrops
                IpExt: 1
                """,
            snmp: "Ip: Forwarding\nIp: 1\nTcp: ActiveOpens RetransSegs OutSegs\nTcp: 77 \(retransmissions) \(segments)"
        )
    }

    @Test func nothingMovedIsNoDrop() throws {
        let before = try counters(overflows: 3, drops: 4)
        // A reset over unread data is not a drop.
        #expect(try counters(overflows: 3, drops: 4, reset: 9).drops(since: before) == [:])
    }

    @Test func whatMovedIsNamed() throws {
        let before = try counters(overflows: 3, drops: 4)
        let after = try counters(overflows: 5, drops: 14, retransmissions: 6, segments: 70)
        #expect(after.drops(since: before) == ["ListenOverflows": 2, "ListenDrops": 10])
        #expect(after.retransmissions(since: before) == 6)
        #expect(after.segmentsSent(since: before) == 70)
    }

    @Test func everyCounterOfDropsIsLookedAt() throws {
        for name in KernelCounters.ofDrops {
            func counters(_ value: Int) throws -> KernelCounters {
                try KernelCounters(netstat: "TcpExt: \(name)\nTcpExt: \(value)", snmp: "Tcp: X\nTcp: 0")
            }
            #expect(try counters(3).drops(since: counters(1)) == [name: 2])
        }
    }

    @Test func anythingElseIsNotUnderstood() {
        #expect(throws: Failure.self) { try KernelCounters(netstat: "", snmp: "") }
    }
}
