import Glibc
import NBEngine
import Testing

@testable import NBServer

/// The calls with which a connection ends, on the kernel's sockets.
@Suite struct DirectCallTests {
    private let world = KernelWorld()
    private var calls: KernelSocketCalls { KernelSocketCalls() }

    @Test func theLastBytesAreHeldUntilTheStreamEnds() throws {
        let bytes = TestBytes(EngineConformanceTests.pattern(100))
        // The kernel holds bytes back for a fraction of a second, which may pass if this thread is kept waiting; then it takes another try.
        for _ in 0..<50 {
            let client = try world.makeConnection()
            #expect(calls.sendLast(bytes.whole, on: client.server) == 100)
            guard unsentByteCount(of: client.server) == 100 else { continue }
            calls.finishOutput(of: client.server)
            #expect(unsentByteCount(of: client.server) == 0)
            #expect(calls.discardInput(of: client.server, isPlainTCP: true) == -EAGAIN)
            close(client.server)
            #expect(try client.readToEnd() == ConformanceReading(bytes: EngineConformanceTests.pattern(100)))
            return
        }
        Issue.record("the kernel holds nothing back")
    }

    @Test(arguments: [false, true])
    func whatTheSocketTakesAtOnceIsCounted(isScattered: Bool) throws {
        let pattern = EngineConformanceTests.pattern(1 << 20)
        let bytes = TestBytes(pattern)
        let client = try world.makeConnection()
        var taken = calls.sendLast(isScattered ? bytes.scattered : bytes.whole, on: client.server)
        #expect(taken > 0 && taken < 1 << 20)
        let count = Int(taken)
        var all = count
        for _ in 0..<1_000 where taken > 0 {
            taken = calls.sendLast(bytes.part(0..<10_000), on: client.server)
            all += Int(max(0, taken))
        }
        #expect(taken == -EAGAIN)
        calls.finishOutput(of: client.server)
        close(client.server)
        let reading = try client.readToEnd()
        #expect(reading.ending == .finished)
        #expect(reading.bytes.count == all)
        let isPrefix = Array(reading.bytes.prefix(count)) == Array(pattern.prefix(count))
        #expect(isPrefix)
    }

    @Test func lastBytesForAPeerThatIsGoneFailWithoutASignal() throws {
        let bytes = TestBytes([1, 2, 3])
        let client = try world.makeConnection()
        client.reset()
        try client.awaitArrivalOfEnd()
        #expect(calls.discardInput(of: client.server, isPlainTCP: true) == -ECONNRESET)
        var result: Int32 = 0
        let hasRaised = try world.raisesPipeSignal { result = calls.sendLast(bytes.whole, on: client.server) }
        #expect(result == -EPIPE)
        #expect(hasRaised == false)
        close(client.server)
    }

    /// On a Unix socket `MSG_TRUNC` does not discard: what there is, is read.
    @Test(arguments: [false, true])
    func unheardInputIsThrownAwayAndCounted(isLocal: Bool) throws {
        let client = try isLocal ? world.makeLocalConnection() : world.makeConnection()
        func discard() -> Int32 { calls.discardInput(of: client.server, isPlainTCP: !isLocal) }
        #expect(discard() == -EAGAIN)
        for count in [1, 30_000] {
            client.say(EngineConformanceTests.pattern(count))
            try client.awaitArrival(of: count)
            #expect(discard() == Int32(count))
            #expect(discard() == -EAGAIN)
        }
        client.end()
        try client.awaitArrivalOfEnd()
        #expect(discard() == 0)
        close(client.server)
        // A close over nothing unread is an end, not a reset.
        #expect(try client.readToEnd() == ConformanceReading())
    }

    /// What a close that may become a reset must not overtake: the client has everything, and the end, before it speaks.
    @Test func aResetBehindTheEndOfTheStreamTakesNothing() throws {
        let bytes = TestBytes(EngineConformanceTests.pattern(100))
        let client = try world.makeConnection()
        #expect(calls.sendLast(bytes.whole, on: client.server) == 100)
        calls.finishOutput(of: client.server)
        #expect(calls.discardInput(of: client.server, isPlainTCP: true) == -EAGAIN)
        client.say([1])
        try client.awaitArrival(of: 1)
        close(client.server)
        #expect(try client.readToEnd() == ConformanceReading(bytes: EngineConformanceTests.pattern(100)))
    }

    /// What a stream socket has been given and has not sent. `SIOCOUTQNSD`.
    private func unsentByteCount(of descriptor: Int32) -> Int32 {
        var count: Int32 = 0
        _ = ioctl(descriptor, 0x894B, &count)
        return count
    }
}
