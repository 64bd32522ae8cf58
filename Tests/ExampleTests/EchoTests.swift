// echo: a worker alone, and its back-pressure.

import NBServerTesting
import Testing

@testable import echo

@Suite struct EchoTests {
    @Test func whatComesGoesBack() throws {
        let server = try TestServer { _ in Echo() }
        let client = server.connect()
        client.send("hello")
        #expect(client.receiveText() == "hello")
        client.send([0, 255, 10])
        #expect(client.receive() == [0, 255, 10])
        #expect(client.ending == nil)
        client.finish()
        #expect(client.ending == .end)
        #expect(server.openConnections == 0)
    }

    /// The client reads nothing. After 64 KiB that wait, and two pieces more, the server receives nothing.
    @Test func aClientThatDoesNotReadIsNotReadFrom() throws {
        let server = try TestServer { _ in Echo() }
        let client = server.connect()
        client.window = 0
        for _ in 0..<64 { client.send([UInt8](repeating: 7, count: 4096)) }
        let taken = try server.status().counters.bytesReceived
        #expect(taken == 72 << 10)
        client.window = 64 << 10
        #expect(client.receive().count == 256 << 10)
        #expect(try server.status().counters.bytesReceived == 256 << 10)
    }
}
