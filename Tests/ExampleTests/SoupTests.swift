// soup: a greeting, and the end. The first test to read: a server, a client, what it read and how it ended.

import NBServerTesting
import Testing

@testable import soup

@Suite struct SoupTests {
    @Test func aClientIsGreetedAndShownOut() throws {
        let server = try TestServer(NoSoup())
        let client = server.connect()
        #expect(client.receiveText() == "No soup for you!\n")
        #expect(client.ending == .end)
        #expect(server.openConnections == 0)
    }

    @Test func whoAsksFirstReadsTheSameAndTheEnd() throws {
        let server = try TestServer(NoSoup())
        let client = server.connect()
        client.send("soup, please\n")
        client.finish()
        #expect(client.receiveText() == "No soup for you!\n")
        #expect(client.ending == .end)
    }

    @Test func eachOfAThousandIsGreetedOnce() throws {
        let server = try TestServer(NoSoup())
        let clients = (0..<1000).map { _ in server.connect() }
        #expect(clients.allSatisfy { $0.receiveText() == "No soup for you!\n" && $0.ending == .end })
        let counters = try server.status().counters
        #expect(counters.accepted == 1000 && counters.delivered == 1000 && counters.open == 0)
    }
}
