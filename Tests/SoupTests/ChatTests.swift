// chat and key-value: messages between workers, and answers that are awaited.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Chat {
        /// Each hears what the others say once, and nothing of what it says itself.
        @Test func whatOneSaysTheOthersHear() throws {
            let chat = try Example("chat")
            let listeners = try Clients(5, to: chat.address)
            try listeners.waitUntilConnected()
            // The welcome tells it that it is there; how many come after it is by chance.
            try listeners.waitUntilReadable(5)
            let speaker = try Clients(1, to: chat.address)
            try speaker.send(Array("good evening\n".utf8))
            try speaker.waitUntilReadable(1)
            speaker.halfClose()
            let said = try speaker.outcomes()
            #expect(said.allSatisfy { $0.end == .closed && !$0.text.contains("good evening") })
            listeners.halfClose()
            let heard = try listeners.outcomes()
            #expect(heard.count == 5)
            for outcome in heard {
                #expect(outcome.text.components(of: "says: good evening\n") == 1, "\(outcome)")
                #expect(outcome.end == .closed)
            }
            try chat.expectCleanEnd()
        }
    }

    @Suite struct KeyValue {
        /// With workers, and as tasks.
        static let names = ["key-value", "async-key-value"]

        @Test(arguments: names)
        func questionsThatComeAtOnceAreAnsweredInTheirOrder(name: String) throws {
            let store = try Example(name)
            let client = try Clients(1, to: store.address)
            try client.send(Array("get a\nset a 1 2 3\nget a\ndelete a\nget a\nwhat\nset b 2".utf8))
            client.halfClose()
            let help = "get KEY, set KEY VALUE or delete KEY"
            let answers = "nothing\nok\n= 1 2 3\nok\nnothing\n\(help)\nok\n"
            #expect(try client.tally() == [Outcome(text: answers, end: .closed): 1])
            try store.expectCleanEnd()
        }

        @Test(arguments: names)
        func aHundredClientsAskTwoHundredTimes(name: String) throws {
            let store = try Example(name)
            let clients = try Clients(100, to: store.address)
            let questions = (0..<100).map { "set key\($0) \($0)\nget key\($0)\n" }.joined()
            try clients.send(Array(questions.utf8))
            clients.halfClose()
            let answers = (0..<100).map { "ok\n= \($0)\n" }.joined()
            #expect(try clients.tally() == [Outcome(text: answers, end: .closed): 100])
            try store.expectCleanEnd()
        }
    }
}

extension String {
    /// How often a text is in it.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }
}
