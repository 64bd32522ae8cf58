// AcceptQueue: the listener's line of the kernel's table, and nobody else's.

import Testing

@testable import accept_bench

struct AcceptQueueTests {
    private func length(_ lines: [String]) throws -> Int {
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
        let table = ([heading] + lines).joined(separator: "\n")
        return AcceptQueue.length(at: try TargetAddress("127.64.3.9:7777"), in: table)
    }

    private func line(_ local: String, state: String = "0A", queue: String = "00000BB8") -> String {
        "   0: \(local) 00000000:0000 \(state) 00000000:\(queue) 00:00000000 00000000     0        0 123 1 0000 100 0 0 10 0"
    }

    @Test func itIsTheListenersThatTheAddressLeadsTo() throws {
        #expect(try length([]) == 0)
        #expect(try length([line("0903407F:1E61")]) == 3000)
        #expect(try length([line("00000000:1E61")]) == 3000)
        #expect(try length([line("00000000000000000000000000000000:1E61")]) == 3000)
    }

    @Test func othersAreNotCounted() throws {
        #expect(try length([line("0903407F:1E62"), line("0100007F:1E61"), line("7F400309:1E61")]) == 0)
        #expect(try length([line("0903407F:1E61", state: "01")]) == 0)
        #expect(try length([line("0903407F:1E61", queue: "00000007"), line("0100007F:1E61")]) == 7)
    }
}
