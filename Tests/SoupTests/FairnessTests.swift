// A crowd at one listener does not make another's wait.

import Testing

extension SoupTests {
    @Suite struct Fairness {
        /// The kernel keeps the order in which the clients got their greetings; nothing here depends on when we look.
        @Test
        func twoListenersWithAsManyQueuedAreServedInTurn() throws {
            let soup = try Soup(["127.0.0.1:0", "127.0.0.1:0"])
            try soup.pause()
            var clients = Clients()
            for address in soup.addresses {
                try clients.connect(4_000, to: address)
                #expect(try ProcFS.queueLength(at: address) == 4_000)
            }
            let arrivals = try clients.recordArrivals()
            soup.resume()
            try clients.waitUntilReadable(8_000)
            let order = arrivals.indices()
            #expect(Set(order).count == 8_000)
            let ofFirst = order.prefix(4_000).count(where: { $0 < 4_000 })
            #expect((1_600...2_400).contains(ofFirst), "the first listener had \(ofFirst) of the first 4,000")
            try expectAllGreeted(clients)
        }

        /// The quiet neighbor's ten are greeted while most of the crowd still waits.
        @Test(arguments: [0, 1])
        func aCrowdDoesNotHoldUpTheNeighbor(crowded: Int) throws {
            let soup = try Soup(["127.0.0.1:0", "127.0.0.1:0"])
            try soup.pause()
            var clients = try Clients(4_000, to: soup.addresses[crowded])
            try clients.connect(10, to: soup.addresses[1 - crowded])
            let arrivals = try clients.recordArrivals()
            soup.resume()
            try clients.waitUntilReadable(4_010)
            let order = arrivals.indices()
            #expect(Set(order).count == 4_010)
            let last = try #require(order.lastIndex { $0 >= 4_000 })
            #expect(last < 2_000, "the last of the neighbor's ten was number \(last)")
            try expectAllGreeted(clients)
        }
    }
}
