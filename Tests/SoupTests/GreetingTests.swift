// Every client is greeted exactly once and then sees the end, however many come and however they come.

import Testing

extension SoupTests {
    @Suite struct Greeting {
        @Test func greets20000ClientsOneAfterTheOther() throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            let sources = (2...9).map { "127.0.0.\($0)" }
            let tally = try oneAfterTheOther(20_000, to: soup.address, sources: sources)
            #expect(tally == [.greeted: 20_000])
            try soup.expectDescriptors(before)
        }

        @Test func greets4000ClientsAtOnce() throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            let clients = try Clients(4_000, to: soup.address)
            try expectAllGreeted(clients)
            // The clients have closed nothing yet: it is soup that does.
            try soup.expectDescriptors(before)
        }

        @Test func greets4000ClientsThatWaitedInTheQueue() throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(4_000, to: soup.address)
            #expect(try ProcFS.queueLength(at: soup.address) == 4_000)
            soup.resume()
            try expectAllGreeted(clients)
            try soup.expectDescriptors(before)
        }
    }
}
