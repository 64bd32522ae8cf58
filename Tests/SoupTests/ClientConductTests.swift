// Clients that do not just listen: they reset, speak, or end their own side first.

import Testing

extension SoupTests {
    @Suite struct ClientConduct {
        @Test func clientsThatResetBeforeTheyAreAcceptedLeakNothing() throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(300, to: soup.address)
            // A reset that overtook the end of its handshake would leave nothing to accept.
            try wait(for: "300 clients are in the queue") { try ProcFS.queueLength(at: soup.address) == 300 }
            clients.reset()
            #expect(try ProcFS.queueLength(at: soup.address) == 300)
            let later = try Clients(1, to: soup.address)
            soup.resume()
            #expect(try later.outcomes() == [.greeted])
            try expectOutcome(.greeted, at: soup.address)
            try soup.expectDescriptors(before)
        }

        @Test(arguments: [1, 1 << 10, 200 << 10])
        func clientsThatSpokeInTheQueueAreGreetedAndNotReset(byteCount: Int) throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(50, to: soup.address)
            try clients.send([UInt8](repeating: 0x21, count: byteCount))
            soup.resume()
            try expectAllGreeted(clients)
            try expectOutcome(.greeted, at: soup.address)
            // These hold a descriptor of soup's until they end their side.
            _ = consume clients
            try soup.expectDescriptors(before)
        }

        /// Each speaks at once, or up to 100 microseconds later: at every moment of soup's own work for it.
        @Test(arguments: [1, 1_000])
        func clientsThatSpeakRightAfterTheConnectAreGreeted(listenerCount: Int) throws {
            let soup = try Soup([String](repeating: "127.0.0.1:0", count: listenerCount))
            let before = try ProcFS.descriptors(of: soup.pid)
            var missed: [Duration: [Outcome]] = [:]
            for number in 0..<1_000 {
                let delay = Duration.microseconds(number % 21 * 5)
                let client = try Clients(1, to: soup.addresses[number % listenerCount])
                let start = ContinuousClock.now
                while ContinuousClock.now - start < delay {}
                // Soup may have ended the connection by now, in which case this fails and the outcome tells.
                try? client.send(Array("soup, please\n".utf8))
                let outcome = try client.outcomes()[0]
                if outcome != .greeted { missed[delay, default: []].append(outcome) }
                if outcome.end == .hung { break }
            }
            #expect(missed == [:], "by what the client waited before it spoke")
            try soup.expectDescriptors(before)
        }

        @Test func aCrowdThatSpeaksRightAfterTheConnectIsGreeted() throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            var clients = Clients()
            for _ in 0..<1_000 {
                try clients.connect(1, to: soup.address)
                try? clients.sendFromLast(Array("soup, please\n".utf8))
            }
            try expectAllGreeted(clients)
            _ = consume clients
            try soup.expectDescriptors(before)
        }

        @Test(arguments: [true, false])
        func clientsThatEndTheirSideFirstAreGreeted(areQueued: Bool) throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            if areQueued { try soup.pause() }
            let clients = try Clients(200, to: soup.address)
            clients.halfClose()
            if areQueued { soup.resume() }
            try expectAllGreeted(clients)
            try soup.expectDescriptors(before)
        }

        @Test func clientsThatSpokeAndEndedTheirSideAreGreeted() throws {
            let soup = try Soup()
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(200, to: soup.address)
            try clients.send([UInt8](repeating: 0x21, count: 1_024))
            clients.halfClose()
            soup.resume()
            try expectAllGreeted(clients)
            try soup.expectDescriptors(before)
        }
    }
}
