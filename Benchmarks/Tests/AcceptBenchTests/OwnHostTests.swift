// OwnHost: two processes never have the same address, and none has everybody's.

import Testing

@testable import accept_bench

struct OwnHostTests {
    @Test func theProcessNumberIsTheAddress() {
        #expect(OwnHost.address(of: 1) == "127.64.0.1")
        #expect(OwnHost.address(of: 256) == "127.64.1.0")
        #expect(OwnHost.address(of: 65_536 + 513) == "127.65.2.1")
        // The greatest there can be.
        #expect(OwnHost.address(of: 4_194_303) == "127.127.255.255")
    }
}
