// echo and async-echo under load: busy, long, slow, and held connections.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Echo {
        /// With workers, and as tasks.
        static let names = ["echo", "async-echo"]

        /// A connection that is quiet ends then, and one that was answered has its answer.
        @Test(arguments: names)
        func aSIGTERMDrainsIt(name: String) throws {
            var echo = try Example(name)
            let clients = try Clients(20, to: echo.address)
            try clients.waitUntilConnected()
            try clients.send(Array("hello".utf8))
            try clients.waitUntil(20, have: 5)
            echo.child.signal(SIGTERM)
            #expect(try clients.tally() == [Outcome(text: "hello", end: .closed): 20])
            #expect(try echo.ending() == .exited(0))
        }

        @Test(arguments: names)
        func aThousandBusyConnectionsGetBackWhatTheySend(name: String) throws {
            let echo = try Example(name)
            let before = try ProcFS.descriptors(of: echo.pid)
            try expectEcho("warm", at: echo.address)
            do {
                var streams = try EchoStreams(1_000, of: 8 << 10, to: echo.address, chunk: 64)
                try streams.run()
                #expect(streams.counts == EchoStreams.Counts(whole: 1_000))
            }
            try echo.expectDescriptors(before)
            try echo.expectCleanEnd()
        }

        @Test func aGibibyteGoesThereAndBack() throws {
            let echo = try Example("echo")
            var streams = try EchoStreams(1, of: 1 << 30, to: echo.address, chunk: 256 << 10)
            try streams.run()
            #expect(streams.counts == EchoStreams.Counts(whole: 1))
            try echo.expectCleanEnd()
        }

        /// They send all they can before they read, and read little at a time.
        @Test(arguments: names)
        func twoSlowReadersGetEightMebibytesEach(name: String) throws {
            let echo = try Example(name)
            var streams = try EchoStreams(2, of: 8 << 20, to: echo.address, chunk: 64 << 10, readsAtMost: 1_000)
            try streams.fillUp()
            // Others are served meanwhile, and nobody's bytes pile up in the server.
            try expectEcho("quick", at: echo.address)
            try streams.run()
            #expect(streams.counts == EchoStreams.Counts(whole: 2))
            try echo.expectCleanEnd()
        }

        @Test func ofFifteenThousandHeldConnectionsHalfAreKilledAndTheOthersServed() throws {
            let echo = try Example("echo")
            let before = try ProcFS.descriptors(of: echo.pid)
            try expectEcho("warm", at: echo.address)
            let staying = try Held(7_500, to: echo.address)
            do {
                let leaving = try Held(7_500, to: echo.address)
                try wait(for: "15,000 connections are open") {
                    try ProcFS.descriptors(of: echo.pid).count == before.count + 15_000
                }
                try leaving.expectEcho("one of 15,000")
                leaving.reset()
            }
            try wait(for: "half of the connections are closed") {
                try ProcFS.descriptors(of: echo.pid).count == before.count + 7_500
            }
            try staying.expectEcho("of those that stay")
            staying.end()
            try echo.expectDescriptors(before)
            try echo.expectCleanEnd()
        }
    }
}

/// Tries one client.
func expectEcho(_ text: String, at address: Address, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let client = try Clients(1, to: address)
    try client.waitUntilConnected()
    try client.send(Array(text.utf8))
    client.halfClose()
    #expect(try client.tally() == [Outcome(text: text, end: .closed): 1], sourceLocation: sourceLocation)
}

/// Connections that are open and mostly quiet.
private struct Held: ~Copyable {
    /// Few at a time, since they come faster than a queue holds.
    private var clients: [Batch] = []

    private final class Batch {
        let clients: Clients
        init(_ count: Int, _ address: Address, _ source: String) throws {
            clients = try Clients(count, to: address, from: source)
        }
    }

    init(_ count: Int, to address: Address) throws {
        for number in 0..<count / 500 {
            let batch = try Batch(500, address, "127.0.0.\(2 + number % 8)")
            // Each is served once, so that it has been accepted.
            try batch.clients.waitUntilConnected()
            try batch.clients.send([UInt8(ascii: ".")])
            try batch.clients.waitUntil(500, have: 1)
            clients.append(batch)
        }
    }

    /// Each says something and gets it back, behind what it got before.
    func expectEcho(_ text: String) throws {
        for batch in clients { try batch.clients.send(Array(text.utf8)) }
        for batch in clients { try batch.clients.waitUntil(batch.clients.count, have: 1 + text.utf8.count) }
    }

    func reset() {
        for batch in clients { batch.clients.setToReset() }
    }

    func end() {
        for batch in clients { batch.clients.halfClose() }
    }
}
