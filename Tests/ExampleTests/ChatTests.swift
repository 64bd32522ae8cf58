// chat: workers that send each other messages.

import NBServerTesting
import Testing

@testable import chat

@Suite struct ChatTests {
    @Test func whatOneSaysTheOthersHear() throws {
        let server = try TestServer { _ in Guest() }
        let (anna, bert) = (server.connect(), server.connect())
        let name = anna.receiveText().guestName
        let other = bert.receiveText().guestName
        bert.send("good evening\n")
        #expect(bert.receiveText() == "")
        let carl = server.connect()
        let third = carl.receiveText().guestName
        #expect(anna.receiveText() == "\(other) says: good evening\n\(third) is here\n")
        anna.finish()
        #expect(anna.ending == .end)
        #expect(bert.receiveText() == "\(third) is here\n\(name) has left\n")
        #expect(carl.receiveText() == "\(name) has left\n")
        #expect(server.openConnections == 2)
    }

    /// More than a megabyte waits for him, and he is let go; the others hear that.
    @Test func whoDoesNotReadIsShownOut() throws {
        let server = try TestServer { _ in Guest() }
        let (sleeper, speaker) = (server.connect(), server.connect())
        sleeper.window = 0
        let name = speaker.receiveText().guestName
        let line = String(repeating: "x", count: 900) + "\n"
        var count = 0
        while sleeper.ending == nil, count < 2000 {
            speaker.send(line)
            count += 1
        }
        #expect(sleeper.ending == .reset)
        let size = "\(name) says: \(line)".utf8.count
        #expect((count - 1) * size <= 1 << 20 && (count + 1) * size > 1 << 20)
        #expect(speaker.receiveText().hasSuffix(" has left\n"))
    }

    @Test func aLineThatIsTooLongEndsItsConnection() throws {
        let server = try TestServer { _ in Guest() }
        let (talker, other) = (server.connect(), server.connect())
        talker.send(String(repeating: "x", count: 1002))
        #expect(talker.ending != nil)
        #expect(other.receiveText().hasSuffix(" has left\n"))
    }
}

extension String {
    /// Whom a guest is told to be.
    fileprivate var guestName: String {
        let line = prefix { $0 != "." }
        return String(line.trimmingPrefix("Welcome! You are "))
    }
}
