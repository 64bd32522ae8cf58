// tally: an actor on the server's executor, which a test enters while it turns the server.

import NBServer
import NBServerTesting
import Synchronization
import Testing

@testable import tally

@Suite struct TallyTests {
    @Test func tasksAskTheTallyBetweenItsClients() async throws {
        let opened = Mutex<Tally?>(nil)
        let server = try TestServer(Door { tally in opened.withLock { $0 = tally } })
        let tally = try #require(opened.withLock { $0 })
        for number in 1...3 { #expect(server.connect().receiveText() == "you are number \(number)\n") }
        #expect(try await server.turn { await tally.served } == 3)
        #expect(server.connect().receiveText() == "you are number 4\n")
        #expect(try await server.turn { await tally.served } == 4)
    }

    /// It outlives its server, on other threads.
    @Test func theTallyAnswersAfterTheServer() async throws {
        let opened = Mutex<Tally?>(nil)
        let server = try TestServer(Door { tally in opened.withLock { $0 = tally } })
        let tally = try #require(opened.withLock { $0 })
        _ = server.connect()
        server.stop()
        #expect(await tally.served == 1)
    }
}
