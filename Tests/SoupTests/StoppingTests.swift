// How soup ends, and that its port is free at once.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Stopping {
        @Test(arguments: [SIGINT, SIGTERM])
        func aSignalStopsIt(signal: Int32) throws {
            var soup = try Soup(["127.0.0.1:0", "[::1]:0"])
            try expectOutcome(.greeted, at: soup.address)
            soup.child.signal(signal)
            #expect(try soup.child.wait() == .exited(0))
            #expect(soup.child.output.split(separator: "\n").count == 2)
            #expect(soup.child.errors.withoutEngineLine(of: "soup") == "")
            for address in soup.addresses { try expectOutcome(.refused, at: address) }
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func aSignalAmongClientsThatKeepComingCutsNoneShort(signal: Int32) throws {
            var soup = try Soup()
            var outcomes: [Outcome] = []
            var lostByKernel = 0
            repeat {
                let client = try Clients(1, to: soup.address)
                let outcome = try client.outcomes()[0]
                // No process has its connection any more, and the client has not heard of an end: its handshake ended while the listener was
                // closed. Linux drops such a client without a reset, unless `net.ipv4.tcp_abort_on_overflow` is set.
                if outcome == .unheard && soup.child.poll() == .exited(0) {
                    lostByKernel += 1
                    continue
                }
                outcomes.append(outcome)
                if outcomes.count == 500 { soup.child.signal(signal) }
            } while outcomes.last != .refused && outcomes.count < 100_000
            #expect(lostByKernel <= 1)
            #expect(outcomes.prefix(500).allSatisfy { $0 == .greeted })
            #expect(outcomes.filter { !$0.isWholeOrNothing } == [])
            #expect(outcomes.last == .refused)
            #expect(try soup.child.wait() == .exited(0))
        }

        /// Stopped before it sees the first of the queue, and in the middle of it.
        @Test(arguments: [SIGINT, SIGTERM], [0, 1, 1_000])
        func aSignalWithAQueueLeavesNoClientHanging(signal: Int32, greetedBefore: Int) throws {
            var soup = try Soup()
            try expectOutcome(.greeted, at: soup.address)
            try soup.pause()
            let clients = try Clients(4_000, to: soup.address)
            if greetedBefore == 0 { soup.child.signal(signal) }
            soup.resume()
            try clients.waitUntilReadable(greetedBefore)
            if greetedBefore > 0 { soup.child.signal(signal) }
            let tally = try clients.tally()
            #expect(tally.filter { !$0.key.isWholeOrNothing } == [:])
            #expect(tally[.greeted, default: 0] >= greetedBefore)
            // SIGTERM drains it: whoever waits is served.
            if signal == SIGTERM { #expect(tally == [.greeted: 4_000]) }
            #expect(try soup.child.wait() == .exited(0))
            #expect(soup.child.errors.withoutEngineLine(of: "soup") == "")
            try expectOutcome(.refused, at: soup.address)
        }

        /// A client that spoke and never ends its side cannot hold it up for good.
        @Test func aClientThatStaysCannotHoldItUp() throws {
            var soup = try Soup()
            try soup.pause()
            let clients = try Clients(10, to: soup.address)
            try clients.send([0x21])
            soup.resume()
            try expectAllGreeted(clients)
            soup.child.signal(SIGTERM)
            #expect(try soup.child.wait() == .exited(0))
        }

        /// The kernel takes milliseconds to let go of the port.
        @Test func itRestartsOnItsPortAfterAKill() throws {
            var soup = try Soup()
            let address = soup.address
            for _ in 1...10 {
                try soup.pause()
                let clients = try Clients(500, to: address)
                soup.resume()
                try clients.waitUntilReadable(1)
                soup.child.signal(SIGKILL)
                #expect(try soup.child.wait() == .killed(signal: SIGKILL))
                soup = try Soup.whenAddressIsFree(["\(address)"])
                #expect(soup.address == address)
                // Nobody was there any more to reset whom it had accepted: the kernel closed.
                for outcome in try clients.outcomes() {
                    #expect(["", Soup.greeting].contains(outcome.text))
                    #expect([.closed, .reset].contains(outcome.end))
                }
                try expectAllGreeted(Clients(50, to: address))
            }
        }
    }
}
