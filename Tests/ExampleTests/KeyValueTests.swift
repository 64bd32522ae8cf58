// key-value: answers that are awaited. Tasks run on threads of their own, so a test settles before it looks.

import ExampleProgram
import NBServerTesting
import Testing

@testable import key_value

@Suite struct KeyValueTests {
    @Test func questionsThatComeAtOnceAreAnsweredInTheirOrder() async throws {
        let store = Store()
        let server = try TestServer { _ in Client(store: store) }
        let client = server.connect()
        client.send("get a\nset a 1 2 3\nget a\ndelete a\nget a\nwhat\nset b 2")
        client.finish()
        await server.settle()
        let help = "get KEY, set KEY VALUE or delete KEY"
        #expect(client.receiveText() == "nothing\nok\n= 1 2 3\nok\nnothing\n\(help)\nok\n")
        #expect(client.ending == .end)
        #expect(await store.answer("get b") == "= 2")
    }

    @Test func clientsShareAStore() async throws {
        let store = Store()
        let server = try TestServer { _ in Client(store: store) }
        let clients = (0..<100).map { _ in server.connect() }
        for (number, client) in clients.enumerated() { client.send("set key\(number) \(number)\n") }
        await server.settle()
        for (number, client) in clients.enumerated() {
            #expect(client.receiveText() == "ok\n")
            client.send("get key\(99 - number)\n")
        }
        await server.settle()
        for (number, client) in clients.enumerated() { #expect(client.receiveText() == "= \(99 - number)\n") }
    }

    /// Its answer comes too late, and goes nowhere.
    @Test func aClientThatLeavesHasNoAnswer() async throws {
        let store = Store()
        let server = try TestServer { _ in Client(store: store) }
        let client = server.connect()
        client.send("set a 1\n")
        client.reset()
        await server.settle()
        #expect(client.receiveText() == "")
        #expect(server.openConnections == 0)
    }
}
