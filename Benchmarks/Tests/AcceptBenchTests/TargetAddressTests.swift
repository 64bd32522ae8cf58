// TargetAddress: hosts and ports as people write them.

import Glibc
import Testing

@testable import Measuring
@testable import accept_bench

struct TargetAddressTests {
    @Test func anAddressOfFourNumbers() throws {
        let target = try TargetAddress("127.64.3.9:7777")
        #expect(target.family == AF_INET)
        #expect(target.port == 7777)
        #expect(Array(target.bytes[4..<8]) == [127, 64, 3, 9])
        #expect(target.isLoopback)
        #expect(target.description == "127.64.3.9:7777")
    }

    @Test func anAddressInBrackets() throws {
        let target = try TargetAddress("[::1]:80")
        #expect(target.family == AF_INET6)
        #expect(target.port == 80)
        // Of IPv6 there is one loopback address, which cannot be spread over.
        #expect(!target.isLoopback)
    }

    @Test func elsewhereIsNotLoopback() throws {
        #expect(try !TargetAddress("192.0.2.1:80").isLoopback)
        #expect(SourceAddresses.spread(for: try TargetAddress("192.0.2.1:80")).count == 0)
        #expect(SourceAddresses.spread(for: try TargetAddress("127.0.0.1:80")).count == 250)
    }

    @Test(arguments: ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:http", "[::1]"])
    func whatHasNoPortIsRefused(text: String) {
        #expect(throws: Failure.self) { try TargetAddress(text) }
    }
}
