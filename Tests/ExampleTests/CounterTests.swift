// counter: calls and casts, which a test makes as the terminal does.

import NBServerTesting
import Testing

@testable import counter

@Suite struct CounterTests {
    @Test func clientsAreNumberedUntilTheCountIsReset() throws {
        let server = try TestServer(Counter())
        for number in 1...3 { #expect(server.connect().receiveText() == "you are number \(number)\n") }
        #expect(try server.call(Counter.Call.served) == 3)
        try server.cast(.reset)
        #expect(try server.call(Counter.Call.served) == 0)
        #expect(server.connect().receiveText() == "you are number 1\n")
    }
}
